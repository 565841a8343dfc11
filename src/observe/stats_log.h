// The StatsLog says every ten seconds what the engine does, in vLLM's words, as long as it does something.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "engine/engine.h"

namespace atelier::observe {

class StatsLog {
 public:
  using Stats = std::function<engine::EngineStats()>;
  explicit StatsLog(Stats stats, std::chrono::milliseconds period = std::chrono::seconds(10));

 private:
  void run(const std::stop_token& stop, const Stats& stats, std::chrono::milliseconds period);

  std::mutex mutex_;
  std::condition_variable_any never_;  // only the wish to stop ends a wait early
  std::jthread thread_;                // last
};

// The line for what happened between two looks; "" where nothing did.
std::string stats_line(const engine::EngineStats& before, const engine::EngineStats& now, double seconds);

}  // namespace atelier::observe
