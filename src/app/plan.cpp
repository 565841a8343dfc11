// atelier plan: what a model needs, how many users fit and how fast it can be at best; nothing is loaded.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <memory>
#include <string>

#include "app/commands.h"
#include "app/report.h"
#include "base/thread_pool.h"
#include "bundle/model_bundle.h"
#include "config/flag_value.h"
#include "formats/model_hub.h"
#include "kernels/backend.h"
#include "kernels/benchmark.h"
#include "model/kv_store.h"
#include "plan/card.h"
#include "plan/forecast.h"
#include "plan/machine_memory.h"
#include "plan/published_model.h"
#include "tensor/aligned_buffer.h"

namespace atelier::app {
namespace {

constexpr double kCardShare = 0.9;  // vLLM's --gpu-memory-utilization

struct PlanOptions {
  std::string model, card = "cpu", context = "auto";
  std::int64_t users = 1;
  double share = 0;  // 0: 0.9 on cards, the server's own rule on this machine
  std::string kv_dtype = "auto";
  bool json = false;
};

constexpr double bytes_of(DType dtype) {
  return static_cast<double>(traits(dtype).block_bytes) / static_cast<double>(traits(dtype).block_values);
}

// Bytes of an element of keys or values, by --kv-cache-dtype; fp8 as cards have it.
const std::map<std::string, double> kKvElementBytes = {
    {"auto", 2}, {"float16", 2},  {"bfloat16", 2}, {"float32", 4},
    {"fp8", 1},  {"fp8_e4m3", 1}, {"fp8_e5m2", 1}, {"int8", bytes_of(DType::kQ8_0)}};

// The headers of a model: its own files where they are here, else what its publisher says of it.
struct Headers {
  std::string id, from;
  bundle::ModelBundle bundle;                       // where the files are here
  std::unique_ptr<plan::PublishedModel> published;  // else

  const model::ModelConfig& config() const { return published ? published->config() : bundle.config; }
  const formats::TensorSource& source() const {
    return published ? static_cast<const formats::TensorSource&>(*published) : *bundle.source;
  }
};

Result<Headers> read_headers(const std::string& model) {
  Headers headers;
  headers.id = model;
  const auto located = formats::locate_model(model);
  if (located) {
    headers.id = located->id;
    headers.from = located->path.string();
    ATELIER_TRY(headers.bundle, bundle::open_bundle(located->path));
    return headers;
  }
  if (located.error().fault != Fault::kNotFound) return std::unexpected(located.error());
  std::string name = model;
  for (const formats::CatalogueEntry& entry : formats::catalogue()) {
    if (entry.name == model) name += ":" + entry.quantisation;
  }
  headers.published = plan::PublishedModel::named(name);
  if (headers.published == nullptr) return std::unexpected(located.error());
  headers.from = fmt::format("not here; as published, {}", headers.published->format());
  return headers;
}

// This machine's limits, measured in a third of a second.
void measure_speed(plan::Place& place) {
  const auto table = kernels::choose_table("");
  if (!table) return;
  ThreadPool pool(available_cores());
  AlignedBuffer buffer(std::size_t{256} << 20);
  std::fill_n(buffer.data(), buffer.size(), std::byte{1});
  const auto bytes = static_cast<std::int64_t>(buffer.size());
  double best = 0;
  for (int i = 0; i < 3; ++i) {
    best = std::max(best, static_cast<double>(bytes) / kernels::read_seconds(pool, buffer.data(), bytes));
  }
  place.bytes_per_s = best;
  const auto form =
      kernels::form_for(**table, kernels::Compute::kAuto, kernels::TokenRole::kPrompt, DType::kQ4_0);
  place.operations_per_s = kernels::unit_peak(pool, kernels::unit_of(**table, form));
}

Result<plan::Place> find_place(const PlanOptions& options) {
  plan::Place place{.name = options.card, .share = options.share};
  if (options.card == "cpu") {
    place.whole_bytes = plan::whole_memory();
    place.free_bytes = plan::available_memory();
    measure_speed(place);
    return place;
  }
  const plan::Card* card = plan::find_card(options.card);
  if (card == nullptr) {
    return fail_param(
        Fault::kBadRequest, "--card",
        fmt::format("--card {}: known are cpu (this machine), {}", options.card, plan::card_names()));
  }
  place.whole_bytes = place.free_bytes = static_cast<std::int64_t>(card->memory_bytes);
  if (place.share == 0) place.share = kCardShare;
  place.bytes_per_s = card->bytes_per_s;
  place.operations_per_s = card->bf16_per_s;
  return place;
}

// On a card weights take what the file holds: nothing is packed for one here.
std::int64_t tensor_bytes(const formats::TensorSource& source) {
  std::int64_t bytes = 0;
  for (const formats::TensorEntry& entry : source.tensors()) {
    bytes += entry.values() / traits(entry.dtype).block_values * traits(entry.dtype).block_bytes;
  }
  return bytes;
}

struct Answer {
  Headers headers;
  plan::Place place;
  plan::Forecast forecast;
};

Result<Answer> make_plan(const PlanOptions& options) {
  const auto context = config::read_count(options.context);
  if (!context || *context < 0 || *context > std::int64_t{1} << 30) {
    return fail_param(
        Fault::kBadRequest, "--context",
        fmt::format("--context {}: a number of tokens such as 4096 or 32k, or auto", options.context));
  }
  Answer answer;
  ATELIER_TRY(answer.headers, read_headers(options.model));
  model::ModelConfig config = answer.headers.config();
  ATELIER_TRY_STATUS(model::extend_context(config, *context));  // as serve does
  if (options.kv_dtype == "int8") ATELIER_TRY_STATUS(model::check_kv(config, model::KvKind::kInt8));
  ATELIER_TRY(answer.place, find_place(options));
  ATELIER_TRY(plan::Footprint footprint,
              plan::footprint(answer.headers.source(), config, {.sequences = options.users}));
  if (answer.place.name != "cpu") footprint.weights_bytes = tensor_bytes(answer.headers.source());
  answer.forecast = plan::forecast(config, footprint, answer.place,
                                   {.users = options.users,
                                    .context = *context,
                                    .kv_element_bytes = kKvElementBytes.at(options.kv_dtype)});
  return answer;
}

boost::json::object to_json(const plan::Floor& floor) {
  return {{"operations", floor.operations}, {"bytes", floor.bytes}, {"seconds", floor.seconds}};
}

boost::json::object to_json(const Answer& answer) {
  const plan::Forecast& f = answer.forecast;
  return {{"model", answer.headers.id},
          {"card", answer.place.name},
          {"memory_bytes", answer.place.whole_bytes},
          {"free_bytes", answer.place.free_bytes},
          {"weights_bytes", f.weights_bytes},
          {"working_bytes", f.working_bytes},
          {"kv_bytes_per_token", f.kv_bytes_per_token},
          {"kv_room_bytes", f.kv_room_bytes},
          {"users", f.users},
          {"context", f.context},
          {"kv_blocks", f.kv_blocks},
          {"kv_bytes", f.kv_bytes},
          {"total_bytes", f.weights_bytes + f.working_bytes + f.kv_bytes},
          {"fits", f.fits},
          {"full_length_users", f.full_users},
          {"largest_context", f.largest_context},
          {"breaks_first", f.breaks_first},
          {"floors",
           {{"bytes_per_s", answer.place.bytes_per_s},
            {"operations_per_s", answer.place.operations_per_s},
            {"prefill", to_json(f.prefill)},
            {"decode_one", to_json(f.decode_one)},
            {"decode_all", to_json(f.decode_all)}}}};
}

std::string mebibytes(std::int64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

void print(const Answer& answer) {
  const plan::Forecast& f = answer.forecast;
  const auto line = [](std::string_view what, const std::string& value) {
    fmt::print("{:<14}{}\n", what, value);
  };
  const auto floor = [](const plan::Floor& one) {
    return fmt::format("{:.4g} s at best ({:.3g} FLOP, {:.3g} bytes)", one.seconds, one.operations,
                       one.bytes);
  };
  line("model", fmt::format("{} ({})", answer.headers.id, answer.headers.from));
  line("on", fmt::format("{}: {} of memory, {:.0f} GB/s, {:.1f} TFLOP/s", answer.place.name,
                         mebibytes(answer.place.whole_bytes), answer.place.bytes_per_s * 1e-9,
                         answer.place.operations_per_s * 1e-12));
  line("weights", mebibytes(f.weights_bytes));
  line("beside them", mebibytes(f.working_bytes) + " for rows, logits, vocabulary and the program");
  line("KV per token",
       fmt::format("{:.1f} KiB; room for {}", static_cast<double>(f.kv_bytes_per_token) / 1024,
                   mebibytes(f.kv_room_bytes)));
  line("asked",
       fmt::format("{} users of {} tokens: {}", f.users, f.context, f.fits ? "fits" : "does not fit"));
  line("fits", fmt::format("{} users of {} tokens, or {} of {} tokens", f.full_users, f.context, f.users,
                           f.largest_context));
  line("breaks first", f.breaks_first);
  line("first token", fmt::format("{}, prompt of {} tokens", floor(f.prefill), f.context));
  line("each token", floor(f.decode_one) + ", one user");
  if (f.users > 1) line("", floor(f.decode_all) + fmt::format(", one for each of {} users", f.users));
}

}  // namespace

void add_plan(CLI::App& root, Chosen& chosen) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* command = root.add_subcommand("plan", "Say what fits before anything is loaded");
  command
      ->add_option(
          "MODEL,--model", options->model,
          "a file, a folder, a hub id or a catalogue name; Qwen2.5 by name also where it is not here")
      ->required();
  command->add_option("--card", options->card, fmt::format("cpu (this machine), {}", plan::card_names()))
      ->capture_default_str();
  command->add_option("--users", options->users, "at once, each with a whole context")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{4096}))
      ->capture_default_str();
  command
      ->add_option("--context,--max-model-len", options->context,
                   "tokens of each: 4096, 32k; auto: what the model declares")
      ->capture_default_str();
  command
      ->add_option("--kv-cache-dtype", options->kv_dtype, "auto (f16), float16, bfloat16, float32, fp8, int8")
      ->transform(CLI::IsMember(kKvElementBytes, CLI::ignore_case).description(""));
  command
      ->add_option(
          "--gpu-memory-utilization", options->share,
          "share of the memory for the whole program (cards: 0.9; this machine: as `atelier serve` does)")
      ->check(CLI::Range(0.01, 1.0));
  command->add_flag("--json", options->json, "print one JSON object");
  command->callback([&chosen, options] {
    chosen.run = [options] {
      const Result<Answer> answer = make_plan(*options);
      if (!answer) return report(answer.error());
      if (options->json) {
        fmt::print("{}\n", boost::json::serialize(to_json(*answer)));
      } else {
        print(*answer);
      }
      return 0;
    };
  });
}

}  // namespace atelier::app
