#include "sample/restrictions.h"

#include <algorithm>
#include <limits>

#include "sample/logit_scan.h"

namespace atelier::sample {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

void keep_allowed(std::span<const std::int32_t> allowed, std::span<float> logits) {
  std::vector<float> kept;
  kept.reserve(allowed.size());
  for (const std::int32_t id : allowed) kept.push_back(logits[id]);
  std::ranges::fill(logits, kForbidden);
  for (std::size_t i = 0; i < kept.size(); ++i) logits[allowed[i]] = kept[i];
}

bool ends_with(std::span<const std::int32_t> output, std::span<const std::int32_t> tail) {
  return output.size() >= tail.size() && std::ranges::equal(output.last(tail.size()), tail);
}

}  // namespace

bool apply(const Restrictions& restrictions, std::span<const std::int32_t> output, std::span<float> logits) {
  if (!restrictions.allowed.empty()) keep_allowed(restrictions.allowed, logits);
  for (const std::vector<std::int32_t>& word : restrictions.banned) {
    if (ends_with(output, std::span(word).first(word.size() - 1))) logits[word.back()] = kForbidden;
  }
  if (std::ssize(output) < restrictions.min_tokens) {
    for (const std::int32_t id : restrictions.held) logits[id] = kForbidden;
  }
  for (const auto [id, bias] : restrictions.bias) logits[id] += bias;
  return largest(logits) > kForbidden;
}

}  // namespace atelier::sample
