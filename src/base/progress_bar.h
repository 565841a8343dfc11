// A ProgressBar shows how far a long job of known size is, how fast it goes and how long it still takes: one
// line redrawn in place on a terminal, a plain line now and then where stderr is a pipe or a file.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>
#include <utility>

namespace atelier {

class ProgressBar {
 public:
  using Clock = std::chrono::steady_clock;

  // `total_bytes` 0: unknown, only the amount and the rate are shown. With a `unit` ("requests") things are
  // counted instead of bytes, wherever this class says bytes.
  ProgressBar(std::string label, std::int64_t total_bytes, std::FILE* out = stderr, std::string unit = {});
  ~ProgressBar();  // not finished: ends the line as it stands
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `done_bytes` of the total are here; those before the first call count as here already, not as speed.
  // Draws at most ten times a second (a pipe: every ten seconds). One thread.
  void set(std::int64_t done_bytes);

  // Takes the line off the terminal so that something else can be printed; the next set draws it again.
  void clear();

  // Draws the last state and ends the line. Nothing was drawn and nothing was set: prints nothing.
  void finish();

  // The line for a state; `columns` wide at most. Pure, for tests.
  struct State {
    std::string_view label;
    std::int64_t done_bytes, total_bytes;
    double bytes_per_s;
    enum class Bar { kNone, kAscii, kBlocks } bar;
    std::string_view unit = {};  // "" = bytes
  };
  static std::string line(const State& state, int columns);

 private:
  void draw(Clock::time_point now);
  double rate(Clock::time_point now) const;

  std::string label_, unit_;
  std::int64_t total_bytes_;
  std::FILE* out_;
  bool terminal_, drawn_ = false, finished_ = false;
  State::Bar bar_;
  std::int64_t done_bytes_ = -1;  // -1: set() was not called yet
  Clock::time_point next_draw_{};
  std::deque<std::pair<Clock::time_point, std::int64_t>> samples_;  // the last ten seconds, for the rate
};

}  // namespace atelier
