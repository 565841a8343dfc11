#include "load/load_task.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <thread>
#include <utility>

#include "base/json.h"

namespace atelier::load {
namespace {

namespace json = boost::json;

Result<std::vector<LoadRequest>> write_requests(client::Transfers& transfers, const LoadTask& task,
                                                std::int64_t count, const LoadNews& news) {
  auto found = ServerTokenizer::find(transfers, task.shape.model);
  if (!found && found.error().fault == Fault::kNetwork) return std::unexpected(found.error());
  std::optional<ServerTokenizer> tokenizer;
  if (found) {
    tokenizer = std::move(*found);
  } else {
    news.note("the server has no /tokenize: prompts are as many words as tokens were asked");
  }
  if (!task.dataset_path.empty()) {
    return file_workload(task.shape, task.dataset_path, task.file_output_tokens, count, task.seed, tokenizer);
  }
  return random_workload(task.shape, task.lengths, count, task.seed, tokenizer);
}

LoadPlan plan_of(const LoadTask& task, std::vector<double> arrivals_s) {
  LoadPlan plan;
  plan.path = task.path;
  plan.arrivals_s = std::move(arrivals_s);
  plan.keep_texts = task.keep_texts;
  if (task.max_concurrency > 0) plan.max_concurrency = task.max_concurrency;
  return plan;
}

// One request by itself, then the warm-up's: all at once, within the concurrency.
Status try_and_warm(client::Transfers& transfers, const LoadTask& task, std::span<const LoadRequest> spare,
                    const LoadNews& news) {
  const auto quiet = [](std::int64_t) {};
  const LoadResult tried = run_load(transfers, spare.first(1), plan_of(task, {0.0}), quiet);
  if (const Answer& answer = tried.answers.front(); !answer.success) {
    return fail(Fault::kNetwork, "the first request failed: {}", answer.error);
  }
  if (task.warmups == 0) return {};
  news.note(fmt::format("warming up with {} requests", task.warmups));
  const auto warm = spare.subspan(1);
  run_load(transfers, warm, plan_of(task, std::vector<double>(warm.size(), 0.0)), quiet);
  return {};
}

}  // namespace

Result<LoadResult> perform(client::Transfers& transfers, const LoadTask& task, const LoadNews& news) {
  // the spare ones come after those that count, so that these are the same whatever the warm-up
  ATELIER_TRY(const auto requests, write_requests(transfers, task, task.count + 1 + task.warmups, news));
  const auto all = std::span(requests);
  const auto counted = all.first(static_cast<std::size_t>(task.count));
  ATELIER_TRY_STATUS(try_and_warm(transfers, task, all.subspan(counted.size()), news));
  std::mt19937_64 random(task.seed);
  const LoadPlan plan = plan_of(task, arrival_seconds(task.count, task.traffic, random));
  return run_load(transfers, counted, plan, news.progress);
}

Result<ServedModelInfo> ask_model(client::Transfers& transfers, std::chrono::milliseconds patience) {
  const auto deadline = client::Clock::now() + patience;
  auto reply = transfers.exchange("/v1/models", "");
  const auto loading = [&] { return !reply || reply->status == 503; };
  while (loading() && client::Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    reply = transfers.exchange("/v1/models", "");
  }
  if (!reply) return std::unexpected(std::move(reply).error());
  ServedModelInfo info;
  const auto list = parse_json(reply->body);
  const json::value* data = list && list->is_object() ? list->get_object().if_contains("data") : nullptr;
  if (reply->status != 200 || data == nullptr || !data->is_array() || data->get_array().empty() ||
      !data->get_array()[0].is_object()) {
    return fail(Fault::kUnsupported, "/v1/models answers {}: {}", reply->status, reply->body.substr(0, 200));
  }
  const json::object& card = data->get_array()[0].get_object();
  if (const json::value* id = card.if_contains("id"); id != nullptr && id->is_string()) {
    info.id = std::string(id->get_string());
  }
  if (const json::value* length = card.if_contains("max_model_len");
      length != nullptr && length->is_int64()) {
    info.max_model_len = length->get_int64();
  }
  return info;
}

}  // namespace atelier::load
