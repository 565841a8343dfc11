#include "observe/trace_context.h"

#include <algorithm>
#include <random>

namespace atelier::observe {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

bool is_hex(std::string_view text) {
  return text.find_first_not_of(kHex) == text.npos;
}

bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == text.npos;
}

}  // namespace

// "00-<32 hex>-<16 hex>-<2 hex>"; versions to come may say more after that, but no less.
std::optional<TraceContext> parse_traceparent(std::string_view header) {
  constexpr std::size_t kLength = 55;
  if (header.size() < kLength || header[2] != '-' || header[35] != '-' || header[52] != '-')
    return std::nullopt;
  const std::string_view version = header.substr(0, 2), trace = header.substr(3, 32),
                         parent = header.substr(36, 16), flags = header.substr(53, 2);
  if (!is_hex(version) || !is_hex(trace) || !is_hex(parent) || !is_hex(flags)) return std::nullopt;
  if (version == "ff" || is_zero(trace) || is_zero(parent)) return std::nullopt;
  if (header.size() > kLength && (version == "00" || header[kLength] != '-')) return std::nullopt;
  return TraceContext{.trace_id = std::string(trace),
                      .parent_id = std::string(parent),
                      .sampled = kHex.find(flags[1]) % 2 == 1};
}

std::string random_hex(int digits) {
  thread_local std::mt19937_64 random{std::random_device{}()};
  std::string text(static_cast<std::size_t>(digits), '0');
  for (char& digit : text) digit = kHex[random() % kHex.size()];
  if (is_zero(text)) text.back() = '1';
  return text;
}

}  // namespace atelier::observe
