#include "observe/metrics.h"

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <utility>

#include "observe/body_sizes.h"
#include "observe/buckets.h"
#include "observe/collected.h"

namespace atelier::observe {
namespace {

using prometheus::Counter;
using prometheus::Histogram;
using Time = engine::GenerationFacts::Time;

double seconds(Time from, Time to) {
  return std::chrono::duration<double>(to - from).count();
}

bool came(Time time) {
  return time != Time{};
}

}  // namespace

struct Metrics::Families {
  explicit Families(const MetricsTerms& terms)
      : labels{{"model_name", terms.model_name}, {"engine", "0"}},
        most_tokens(terms.engine.max_model_len),
        prompt_tokens(counter("vllm:prompt_tokens_total", "Prompt tokens of generations that have begun.")),
        cached_tokens(counter("vllm:prompt_tokens_cached_total", "Of them, found in the prefix cache.")),
        output_tokens(counter("vllm:generation_tokens_total", "Tokens that clients were given.")) {
    auto& by_source = prometheus::BuildCounter()
                          .Name("vllm:prompt_tokens_by_source_total")
                          .Help("Prompt tokens by where their keys and values come from.")
                          .Register(registry);
    computed_tokens = &by_source.Add(with("source", "local_compute"));
    hit_tokens = &by_source.Add(with("source", "local_cache_hit"));
    by_source.Add(with("source", "external_kv_transfer"));
    auto& success = prometheus::BuildCounter()
                        .Name("vllm:request_success_total")
                        .Help("Generations that have ended, by why.")
                        .Register(registry);
    for (const char* reason : {"stop", "length", "abort", "error", "repetition"}) {
      ended.emplace(reason, &success.Add(with("finished_reason", reason)));
    }
  }

  prometheus::Labels with(const char* name, const char* value) const {
    prometheus::Labels more = labels;
    more.emplace(name, value);
    return more;
  }
  Counter& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
  }
  Histogram& histogram(const char* name, const char* help, const std::vector<double>& bounds) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(labels, bounds);
  }

  prometheus::Registry registry;
  const prometheus::Labels labels;
  const std::int64_t most_tokens;
  Counter &prompt_tokens, &cached_tokens, &output_tokens;
  Counter *computed_tokens = nullptr, *hit_tokens = nullptr;
  std::map<std::string, Counter*, std::less<>> ended;

  Histogram& first_token = histogram("vllm:time_to_first_token_seconds",
                                     "From a generation's arrival to its first token.", kFirstTokenSeconds);
  Histogram& inter_token =
      histogram("vllm:inter_token_latency_seconds", "Between tokens that clients are given.", kTokenSeconds);
  Histogram& per_token = histogram("vllm:request_time_per_output_token_seconds",
                                   "Mean time per token after the first, by generation.", kTokenSeconds);
  Histogram& whole = histogram("vllm:e2e_request_latency_seconds", "From a generation's arrival to its end.",
                               kRequestSeconds);
  Histogram& queue =
      histogram("vllm:request_queue_time_seconds", "From arrival to the first step.", kRequestSeconds);
  Histogram& inference = histogram("vllm:request_inference_time_seconds",
                                   "From the first step to the last token.", kRequestSeconds);
  Histogram& prefill = histogram("vllm:request_prefill_time_seconds",
                                 "From the first step to the first token.", kRequestSeconds);
  Histogram& decode =
      histogram("vllm:request_decode_time_seconds", "From the first token to the last.", kRequestSeconds);
  Histogram& request_prompt =
      histogram("vllm:request_prompt_tokens", "Prompt tokens of a generation.", one_two_five(most_tokens));
  Histogram& request_output =
      histogram("vllm:request_generation_tokens", "Tokens of an answer.", one_two_five(most_tokens));
  Histogram& request_most =
      histogram("vllm:request_max_num_generation_tokens", "The most tokens any answer of a request had.",
                one_two_five(most_tokens));
  Histogram& request_computed =
      histogram("vllm:request_prefill_kv_computed_tokens", "Prompt tokens that were computed, not found.",
                one_two_five(most_tokens));
  Histogram& params_n = histogram("vllm:request_params_n", "The n of requests.", kChoices);
  Histogram& params_max =
      histogram("vllm:request_params_max_tokens", "The max_tokens of requests.", one_two_five(most_tokens));

  prometheus::Family<Counter>& http_requests = prometheus::BuildCounter()
                                                   .Name("http_requests_total")
                                                   .Help("Answers by route, method and kind of status.")
                                                   .Register(registry);
  prometheus::Family<Histogram>& http_seconds = prometheus::BuildHistogram()
                                                    .Name("http_request_duration_seconds")
                                                    .Help("From a request's arrival to its answer's end.")
                                                    .Register(registry);
  BodySizes body_sizes;
};

Metrics::Metrics(MetricsTerms terms)
    : terms_(std::move(terms)), families_(std::make_unique<Families>(terms_)) {}

Metrics::~Metrics() = default;

void Metrics::request_begun(std::int64_t choices, std::int64_t max_tokens) {
  families_->params_n.Observe(static_cast<double>(choices));
  families_->params_max.Observe(static_cast<double>(max_tokens));
}

void Metrics::first_tokens(std::int64_t tokens, std::int64_t prompt_tokens,
                           const engine::GenerationFacts& facts) {
  const auto cached = static_cast<double>(facts.cached_tokens);
  const double computed = static_cast<double>(prompt_tokens) - cached;
  families_->prompt_tokens.Increment(static_cast<double>(prompt_tokens));
  families_->cached_tokens.Increment(cached);
  families_->hit_tokens->Increment(cached);
  families_->computed_tokens->Increment(computed);
  families_->request_computed.Observe(computed);
  families_->output_tokens.Increment(static_cast<double>(tokens));
  if (came(facts.first_token)) families_->first_token.Observe(seconds(facts.arrived, facts.first_token));
}

void Metrics::more_tokens(std::int64_t tokens, double seconds) {
  families_->output_tokens.Increment(static_cast<double>(tokens));
  families_->inter_token.Observe(seconds);
}

void Metrics::generation_ended(const GenerationRecord& record) {
  const auto reason = families_->ended.find(record.reason);
  if (reason != families_->ended.end()) reason->second->Increment();
  const engine::GenerationFacts& facts = record.facts;
  const auto output = static_cast<double>(record.output_tokens);
  families_->request_prompt.Observe(static_cast<double>(record.prompt_tokens));
  families_->request_output.Observe(output);
  families_->request_most.Observe(output);
  if (came(facts.arrived)) families_->whole.Observe(seconds(facts.arrived, record.ended));
  if (!came(facts.admitted)) return;
  families_->queue.Observe(seconds(facts.arrived, facts.admitted));
  if (!came(facts.first_token)) return;
  families_->prefill.Observe(seconds(facts.admitted, facts.first_token));
  families_->inference.Observe(seconds(facts.admitted, facts.last_token));
  const double decoding = seconds(facts.first_token, facts.last_token);
  families_->decode.Observe(decoding);
  families_->per_token.Observe(output > 1 ? decoding / (output - 1) : 0);
}

void Metrics::http_answered(const HttpRecord& record) {
  const prometheus::Labels method{{"handler", std::string(record.handler)},
                                  {"method", std::string(record.method)}};
  prometheus::Labels status = method;
  status.emplace("status", fmt::format("{}xx", record.status / 100));
  families_->http_requests.Add(status).Increment();
  families_->http_seconds.Add(method, kHttpSeconds).Observe(record.seconds);
  families_->body_sizes.add(record.handler, record.request_bytes, record.response_bytes);
}

std::string Metrics::text() const {
  Collected collected;
  add_engine_metrics(terms_, collected);
  for (auto& family : families_->registry.Collect()) collected.push_back(std::move(family));
  families_->body_sizes.add_to(collected);
  add_process_metrics(collected);
  add_old_names(collected);
  return prometheus::TextSerializer().Serialize(collected);
}

}  // namespace atelier::observe
