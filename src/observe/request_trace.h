// A RequestTrace becomes the span of one generating request, with the attributes vLLM gives it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/generation.h"
#include "observe/span_exporter.h"

namespace atelier::observe {

// One thread at a time.
class RequestTrace {
 public:
  struct Terms {
    std::string request_id, model;
    std::int64_t n = 1;
    std::optional<std::int64_t> max_tokens;
    std::optional<float> temperature, top_p;
  };
  // Null where `traceparent` says that its trace is not recorded; without one a trace begins.
  static std::unique_ptr<RequestTrace> begin(std::shared_ptr<SpanExporter> exporter,
                                             std::string_view traceparent, Terms terms);

  struct End {
    std::int64_t prompt_tokens = 0, completion_tokens = 0;
    std::string_view finish;
    engine::GenerationFacts facts;  // of the first answer
  };
  void end(const End& end);  // once: sends the span

 private:
  RequestTrace(std::shared_ptr<SpanExporter> exporter, TraceContext context, Terms terms);

  const std::shared_ptr<SpanExporter> exporter_;
  const TraceContext context_;
  const Terms terms_;
  const std::chrono::system_clock::time_point begin_ = std::chrono::system_clock::now();
};

}  // namespace atelier::observe
