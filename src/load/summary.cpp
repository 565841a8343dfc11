#include "load/summary.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace atelier::load {
namespace {

// Per token after the first; 0 for an answer of one.
double tpot_s(const Answer& answer) {
  if (answer.output_tokens <= 1) return 0;
  return (answer.latency_s - answer.ttft_s) / static_cast<double>(answer.output_tokens - 1);
}

bool is_good(const Answer& answer, const Goals& goals) {
  const auto keeps = [](const std::optional<double>& goal_ms, double seconds) {
    return !goal_ms || seconds * 1000 <= *goal_ms;
  };
  return keeps(goals.ttft_ms, answer.ttft_s) && keeps(goals.tpot_ms, tpot_s(answer)) &&
         keeps(goals.e2el_ms, answer.latency_s);
}

double percentile(const std::vector<double>& sorted, double percent) {
  if (sorted.empty()) return 0;
  const double at = percent / 100 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - static_cast<double>(below));
}

}  // namespace

const char* short_name(Latency latency) {
  constexpr std::array kNames = {"ttft", "tpot", "itl", "e2el"};
  return kNames[static_cast<std::size_t>(latency)];
}

Spread spread_of(std::vector<double> seconds, const std::vector<double>& percentiles) {
  constexpr double kMs = 1000;
  Spread spread;
  std::ranges::sort(seconds);
  if (!seconds.empty()) {
    const auto count = static_cast<double>(seconds.size());
    const double mean = std::reduce(seconds.begin(), seconds.end()) / count;
    double squares = 0;
    for (const double value : seconds) squares += (value - mean) * (value - mean);
    spread.mean = mean * kMs;
    spread.std = std::sqrt(squares / count) * kMs;
    spread.median = percentile(seconds, 50) * kMs;
  }
  for (const double percent : percentiles) {
    spread.percentiles.emplace_back(percent, percentile(seconds, percent) * kMs);
  }
  return spread;
}

Summary summarise(const LoadResult& result, const std::vector<double>& percentiles, const Goals& goals) {
  Summary sum;
  sum.duration_s = result.duration_s;
  sum.cpu_s = result.cpu_s;
  std::vector<double> ttfts, tpots, itls, e2els;
  std::int64_t good = 0;
  for (const Answer& answer : result.answers) {
    if (!answer.success) {
      ++sum.failed;
      if (sum.first_error.empty()) sum.first_error = answer.error;
      continue;
    }
    ++sum.completed;
    sum.input_tokens += answer.input_tokens;
    sum.output_tokens += answer.output_tokens;
    sum.tokens_counted = sum.tokens_counted && answer.counted_by_server;
    ttfts.push_back(answer.ttft_s);
    if (answer.output_tokens > 1) tpots.push_back(tpot_s(answer));
    itls.insert(itls.end(), answer.itl_s.begin(), answer.itl_s.end());
    e2els.push_back(answer.latency_s);
    good += is_good(answer, goals) ? 1 : 0;
  }
  const auto rate = [&](std::int64_t count) {
    return sum.duration_s > 0 ? static_cast<double>(count) / sum.duration_s : 0;
  };
  sum.request_throughput = rate(sum.completed);
  sum.output_throughput = rate(sum.output_tokens);
  sum.total_token_throughput = rate(sum.input_tokens + sum.output_tokens);
  if (goals.any()) sum.request_goodput = rate(good);
  const Timeline timeline = timeline_of(result.answers);
  if (!timeline.tokens.empty()) {
    sum.max_output_tokens_per_s = std::ranges::max(timeline.tokens);
    sum.max_concurrent_requests = static_cast<std::int64_t>(std::ranges::max(timeline.requests));
  }
  sum.latencies = {spread_of(std::move(ttfts), percentiles), spread_of(std::move(tpots), percentiles),
                   spread_of(std::move(itls), percentiles), spread_of(std::move(e2els), percentiles)};
  return sum;
}

Timeline timeline_of(const std::vector<Answer>& answers) {
  double first = 0, last = 0;
  bool any = false;
  for (const Answer& answer : answers) {
    if (!answer.success) continue;
    first = any ? std::min(first, answer.start_s) : answer.start_s;
    last = std::max(last, answer.start_s + answer.latency_s);
    any = true;
  }
  Timeline line;
  if (!any) return line;
  const auto second = [&](double at) { return static_cast<std::size_t>(std::max(0.0, at - first)); };
  line.tokens.resize(second(last) + 1);
  line.requests.resize(line.tokens.size());
  const auto count_piece = [&](double at) { ++line.tokens[std::min(second(at), line.tokens.size() - 1)]; };
  for (const Answer& answer : answers) {
    if (!answer.success) continue;
    double at = answer.start_s + answer.ttft_s;
    count_piece(at);
    for (const double gap : answer.itl_s) count_piece(at += gap);
    const std::size_t end = second(answer.start_s + answer.latency_s);
    for (std::size_t i = second(answer.start_s); i <= end; ++i) ++line.requests[i];
  }
  return line;
}

}  // namespace atelier::load
