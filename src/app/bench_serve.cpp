#include "app/bench_serve.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "app/bench_presets.h"
#include "app/bench_serve_options.h"
#include "app/measured_floor.h"
#include "app/report.h"
#include "base/log.h"
#include "base/progress_bar.h"
#include "base/table.h"
#include "load/load_svg.h"

namespace atelier::app {
namespace {

namespace json = boost::json;

std::string date_text() {
  return fmt::format("{:%Y%m%d-%H%M%S}", fmt::localtime(std::time(nullptr)));
}

struct Measured {
  load::LoadTask task;
  load::LoadResult result;
  load::Summary summary;
  load::ShownRun shown;
};

Result<Measured> measure(client::Transfers& transfers, const BenchServeOptions& options,
                         const std::string& model) {
  Measured run;
  ATELIER_TRY(run.task, load_task(options, model));
  ATELIER_TRY(run.shown, shown_run(options));
  ATELIER_TRY(const auto wanted, percentiles(options));
  ATELIER_TRY(const load::Goals wanted_goals, goals(options));
  ProgressBar bar("requests", run.task.count, stderr, "requests");
  const auto progress = [&](std::int64_t done) {
    if (!options.no_progress) bar.set(done);
  };
  const auto note = [](std::string_view line) { log_line(LogLevel::kInfo, line); };
  ATELIER_TRY(run.result, load::perform(transfers, run.task, {.note = note, .progress = progress}));
  bar.finish();
  run.summary = load::summarise(run.result, wanted, wanted_goals);
  if (run.summary.failed > 0) {
    log_warning("{} of {} requests failed; the first: {}", run.summary.failed, run.task.count,
                run.summary.first_error);
  }
  if (!run.summary.tokens_counted) log_warning("the server sends no usage: pieces of text stand for tokens");
  return run;
}

json::object to_json(const BenchServeOptions& options, const Measured& run,
                     const std::optional<MeasuredFloor>& floor) {
  json::object out{{"date", date_text()},
                   {"endpoint_type", options.backend},
                   {"backend", options.backend},
                   {"label", nullptr},
                   {"model_id", run.task.shape.model},
                   {"tokenizer_id", run.task.shape.model},
                   {"num_prompts", run.task.count}};
  if (!options.label.empty()) out["label"] = options.label;
  for (const std::string& pair : options.metadata) {
    const std::size_t equals = pair.find('=');
    out[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  out["request_rate"] = "inf";
  if (options.request_rate > 0) out["request_rate"] = options.request_rate;
  out["burstiness"] = options.burstiness;
  out["max_concurrency"] = nullptr;
  if (options.max_concurrency > 0) out["max_concurrency"] = options.max_concurrency;
  const auto* answers = options.save_detailed ? &run.result.answers : nullptr;
  for (auto& field : load::result_json(run.summary, run.shown, answers)) out[field.key()] = field.value();
  if (floor) add_json(floor->of(run.summary, options.max_concurrency), out);
  return out;
}

Status write_file(const std::filesystem::path& path, const std::string& text) {
  std::error_code ignored;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), ignored);
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) return fail(Fault::kIo, "{} cannot be written", path.string());
  log_info("wrote {}", path.string());
  return {};
}

// vLLM's name for it, unless the options give one.
std::filesystem::path result_path(const BenchServeOptions& options, const json::object& result) {
  std::string name = options.result_filename;
  if (name.empty()) {
    const std::string model(result.at("model_id").as_string());
    const std::string rate = options.request_rate > 0 ? fmt::format("{}", options.request_rate) : "inf";
    const std::string bound =
        options.max_concurrency > 0 ? fmt::format("-concurrency{}", options.max_concurrency) : "";
    name = fmt::format("{}-{}qps{}-{}-{}.json", options.label.empty() ? options.backend : options.label, rate,
                       bound, model.substr(model.rfind('/') + 1), std::string(result.at("date").as_string()));
  }
  return std::filesystem::path(options.result_dir) / name;
}

Status save(const BenchServeOptions& options, const json::object& result) {
  if (!options.save) return {};
  return write_file(result_path(options, result), json::serialize(result) + "\n");
}

Status run_one(client::Transfers& transfers, const BenchServeOptions& options, const std::string& model,
               const std::optional<MeasuredFloor>& floor) {
  ATELIER_TRY(const Measured run, measure(transfers, options, model));
  const json::object result = to_json(options, run, floor);
  if (options.json) {
    fmt::print("{}\n", json::serialize(result));
  } else {
    fmt::print("{}", load::result_text(run.summary, run.shown, stdout));
    if (floor) fmt::print("{}", floor_text(floor->of(run.summary, options.max_concurrency)));
  }
  if (!options.svg.empty()) {
    ATELIER_TRY_STATUS(write_file(options.svg, load::load_svg(model, run.result.answers)));
  }
  return save(options, result);
}

// A case asks for more than the server takes; "" = it does not.
std::string too_long(const PresetCase& row, const load::ServedModelInfo& served) {
  const std::int64_t tokens = row.input_tokens + row.output_tokens;
  if (served.max_model_len == 0 || tokens <= served.max_model_len) return "";
  return fmt::format("left out: {} tokens, the server takes {}", tokens, served.max_model_len);
}

BenchServeOptions options_of(const BenchServeOptions& options, const PresetCase& row, std::size_t index) {
  BenchServeOptions one = options;
  one.seed += index;  // other prompts: none of an earlier case may be cached
  one.dataset = "random";
  one.dataset_path.clear();
  one.input_len = row.input_tokens;
  one.output_len = row.output_tokens;
  if (!options.concurrency_given) one.max_concurrency = row.at_once;
  if (!options.count_given) one.num_prompts = 2 * std::max<std::int64_t>(1, one.max_concurrency);
  return one;
}

json::object preset_json(const Preset& preset, const std::string& model, json::array cases) {
  return {{"preset", preset.name},
          {"title", preset.title},
          {"model_id", model},
          {"date", date_text()},
          {"cases", std::move(cases)}};
}

Status run_preset(client::Transfers& transfers, const BenchServeOptions& options,
                  const load::ServedModelInfo& served, const std::string& model,
                  const std::optional<MeasuredFloor>& floor) {
  using enum Table::Align;
  const Preset& preset = *find_preset(options.preset);
  Table table({{"case", kLeft},
               {"in/out", kRight},
               {"at once", kRight},
               {"TTFT s", kRight},
               {"E2E s", kRight},
               {"tok/s out", kRight},
               {"floor", kLeft},
               {"the report says", kLeft}});
  json::array cases;
  for (std::size_t i = 0; i < preset.cases.size(); ++i) {
    const PresetCase& row = preset.cases[i];
    const BenchServeOptions one = options_of(options, row, i);
    const std::string size = fmt::format("{}/{}", row.input_tokens, row.output_tokens);
    if (const std::string why = too_long(row, served); !why.empty()) {
      table.add({row.name, size, std::to_string(one.max_concurrency), "-", "-", "-", why, row.reported});
      cases.push_back({{"case", row.name}, {"left_out", why}});
      continue;
    }
    log_info("{}: {} requests of {} tokens, {} at once", row.name, one.num_prompts, size,
             one.max_concurrency);
    ATELIER_TRY(const Measured run, measure(transfers, one, model));
    json::object result = to_json(one, run, floor);
    result["case"] = row.name;
    const auto seconds = [&](load::Latency which) {
      return fmt::format("{:.3f}", run.summary.latency(which).median / 1000);
    };
    table.add({row.name, size, std::to_string(one.max_concurrency), seconds(load::Latency::kTtft),
               seconds(load::Latency::kE2el), fmt::format("{:.1f}", run.summary.output_throughput),
               floor ? floor_cell(floor->of(run.summary, one.max_concurrency)) : "", row.reported});
    cases.push_back(std::move(result));
  }
  const json::object all = preset_json(preset, model, std::move(cases));
  if (options.json) {
    fmt::print("{}\n", json::serialize(all));
  } else {
    fmt::print("{}\n{}", preset.title, table.text());
  }
  return save(options, all);
}

Status bench_serve(const BenchServeOptions& options) {
  const client::Endpoint server = endpoint(options);
  client::Transfers transfers(server, static_cast<int>(options.max_concurrency));
  const std::chrono::milliseconds patience(static_cast<std::int64_t>(options.ready_timeout_s * 1000));
  ATELIER_TRY(const load::ServedModelInfo served, load::ask_model(transfers, patience));
  const std::string model = !options.served_name.empty() ? options.served_name
                            : !options.model.empty()     ? options.model
                                                         : served.id;
  ATELIER_TRY_STATUS(load_task(options, model));  // what is wrong with it is told before any work
  std::optional<MeasuredFloor> floor;
  if (!options.floor_model.empty()) {
    ATELIER_TRY(floor, MeasuredFloor::open(options.floor_model, is_this_machine(server.base_url)));
  }
  if (!options.preset.empty()) return run_preset(transfers, options, served, model, floor);
  return run_one(transfers, options, model, floor);
}

}  // namespace

void add_bench_serve(CLI::App& bench, Chosen& chosen) {
  auto options = std::make_shared<BenchServeOptions>();
  CLI::App* command = bench.add_subcommand("serve", "Load a running server and time its answers");
  add_bench_serve_options(*command, *options);
  command->callback([&chosen, options, command] {
    options->count_given = command->count("--num-prompts") > 0;
    options->concurrency_given = command->count("--max-concurrency") > 0;
    chosen.run = [options] {
      const Status status = bench_serve(*options);
      return status ? 0 : report(status.error());
    };
  });
}

}  // namespace atelier::app
