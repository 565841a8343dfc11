#include "observe/request_trace.h"

#include <utility>

namespace atelier::observe {
namespace {

using Time = engine::GenerationFacts::Time;

std::int64_t unix_ns(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

// Only what was asked for is an attribute, and only what has happened is a time.
void add_latencies(const engine::GenerationFacts& facts, Span& span) {
  const auto add = [&](const char* name, Time from, Time to) {
    if (from == Time{} || to == Time{}) return;
    span.attributes.emplace_back(name, std::chrono::duration<double>(to - from).count());
  };
  add("gen_ai.latency.time_in_queue", facts.arrived, facts.admitted);
  add("gen_ai.latency.time_to_first_token", facts.arrived, facts.first_token);
  add("gen_ai.latency.time_in_model_prefill", facts.admitted, facts.first_token);
  add("gen_ai.latency.time_in_model_decode", facts.first_token, facts.last_token);
  add("gen_ai.latency.time_in_model_inference", facts.admitted, facts.last_token);
}

}  // namespace

std::unique_ptr<RequestTrace> RequestTrace::begin(std::shared_ptr<SpanExporter> exporter,
                                                  std::string_view traceparent, Terms terms) {
  auto context = parse_traceparent(traceparent);
  if (context && !context->sampled) return nullptr;
  if (!context) context = TraceContext{.trace_id = random_hex(32), .parent_id = {}};
  return std::unique_ptr<RequestTrace>(
      new RequestTrace(std::move(exporter), std::move(*context), std::move(terms)));
}

RequestTrace::RequestTrace(std::shared_ptr<SpanExporter> exporter, TraceContext context, Terms terms)
    : exporter_(std::move(exporter)), context_(std::move(context)), terms_(std::move(terms)) {}

void RequestTrace::end(const End& end) {
  const auto now = std::chrono::system_clock::now();
  Span span{.context = context_,
            .id = random_hex(16),
            .name = "llm_request",
            .begin_ns = unix_ns(begin_),
            .end_ns = unix_ns(now),
            .attributes = {},
            .failed = end.finish == "error"};
  span.attributes.emplace_back("gen_ai.request.id", terms_.request_id);
  span.attributes.emplace_back("gen_ai.response.model", terms_.model);
  span.attributes.emplace_back("gen_ai.request.n", terms_.n);
  if (terms_.max_tokens) span.attributes.emplace_back("gen_ai.request.max_tokens", *terms_.max_tokens);
  if (terms_.temperature)
    span.attributes.emplace_back("gen_ai.request.temperature", static_cast<double>(*terms_.temperature));
  if (terms_.top_p) span.attributes.emplace_back("gen_ai.request.top_p", static_cast<double>(*terms_.top_p));
  span.attributes.emplace_back("gen_ai.usage.prompt_tokens", end.prompt_tokens);
  span.attributes.emplace_back("gen_ai.usage.completion_tokens", end.completion_tokens);
  span.attributes.emplace_back("gen_ai.response.finish_reasons", std::string(end.finish));
  span.attributes.emplace_back("gen_ai.latency.e2e", std::chrono::duration<double>(now - begin_).count());
  add_latencies(end.facts, span);
  exporter_->send(std::move(span));
}

}  // namespace atelier::observe
