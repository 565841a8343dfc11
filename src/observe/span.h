// A Span is one piece of work of a trace, ready to be sent.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "observe/trace_context.h"

namespace atelier::observe {

struct Span {
  TraceContext context;
  std::string id, name;
  std::int64_t begin_ns = 0, end_ns = 0;  // Unix time
  std::vector<std::pair<std::string, std::variant<std::string, std::int64_t, double>>> attributes;
  bool failed = false;
};

// The body of an OTLP/HTTP export request, in JSON.
std::string otlp_json(std::span<const Span> spans, const std::string& version);

}  // namespace atelier::observe
