#include "observe/stats_log.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"

namespace atelier::observe {

StatsLog::StatsLog(Stats stats, std::chrono::milliseconds period)
    : thread_([this, stats = std::move(stats), period](const std::stop_token& stop) {
        run(stop, stats, period);
      }) {}

void StatsLog::run(const std::stop_token& stop, const Stats& stats, std::chrono::milliseconds period) {
  engine::EngineStats before = stats();
  auto looked = std::chrono::steady_clock::now();
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      never_.wait_for(lock, stop, period, [] { return false; });
    }
    if (stop.stop_requested()) return;
    const engine::EngineStats now = stats();
    const auto time = std::chrono::steady_clock::now();
    const std::string line = stats_line(before, now, std::chrono::duration<double>(time - looked).count());
    if (!line.empty()) log_info("{}", line);
    before = now;
    looked = time;
  }
}

std::string stats_line(const engine::EngineStats& before, const engine::EngineStats& now, double seconds) {
  const auto rate = [&](std::int64_t from, std::int64_t to) {
    return static_cast<double>(to - from) / seconds;
  };
  const auto percent = [](std::int64_t part, std::int64_t whole) {
    return whole > 0 ? 100 * static_cast<double>(part) / static_cast<double>(whole) : 0;
  };
  if (now.steps == before.steps && now.running + now.waiting == 0) return "";
  return fmt::format(
      "Engine 000: Avg prompt throughput: {:.1f} tokens/s, Avg generation throughput: {:.1f} tokens/s, "
      "Running: {} reqs, Waiting: {} reqs, KV cache usage: {:.1f}%, Prefix cache hit rate: {:.1f}%",
      rate(before.prompt_tokens, now.prompt_tokens), rate(before.generated_tokens, now.generated_tokens),
      now.running, now.waiting, percent(now.blocks_used, now.blocks_total),
      percent(now.prefix_hits - before.prefix_hits, now.prefix_queries - before.prefix_queries));
}

}  // namespace atelier::observe
