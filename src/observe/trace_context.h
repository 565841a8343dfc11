// A TraceContext says which trace a request belongs to: W3C's traceparent header.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace atelier::observe {

struct TraceContext {
  std::string trace_id;   // 32 hexadecimal digits
  std::string parent_id;  // 16, of the caller's span; "" = the trace begins here
  bool sampled = true;    // the caller records it
};

// nullopt: not a traceparent, or one that the standard calls invalid (it is then ignored).
std::optional<TraceContext> parse_traceparent(std::string_view header);

std::string random_hex(int digits);

}  // namespace atelier::observe
