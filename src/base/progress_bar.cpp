#include "base/progress_bar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/terminal.h"

namespace atelier {
namespace {

constexpr auto kTerminalPeriod = std::chrono::milliseconds(100);
constexpr auto kPipePeriod = std::chrono::seconds(10);
constexpr auto kRateWindow = std::chrono::seconds(10);

// "8 s", "3 min 20 s", "2 h 5 min"
std::string format_seconds(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::ceil(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string drawn_bar(double share, int columns, bool blocks) {
  const int full = static_cast<int>(share * columns);
  std::string bar;
  for (int i = 0; i < columns; ++i) bar += i < full ? (blocks ? "█" : "#") : (blocks ? "░" : ".");
  return bar;
}

// "12.5 MB/s", "3.2 requests/s"; "" for standing still, so that no hours without end are foretold.
std::string speed(const ProgressBar::State& state) {
  if (!state.unit.empty()) {
    return state.bytes_per_s > 0 ? fmt::format("{:.1f} {}/s", state.bytes_per_s, state.unit) : "";
  }
  if (state.bytes_per_s < 1000) return "";
  return format_bytes(static_cast<long long>(state.bytes_per_s)) + "/s";
}

}  // namespace

ProgressBar::ProgressBar(std::string label, std::int64_t total_bytes, std::FILE* out, std::string unit)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_bytes_(total_bytes),
      out_(out),
      terminal_(is_terminal(out)),
      bar_(!terminal_      ? State::Bar::kNone
           : speaks_utf8() ? State::Bar::kBlocks
                           : State::Bar::kAscii) {}

ProgressBar::~ProgressBar() {
  if (terminal_ && drawn_ && !finished_) std::fputs("\n", out_);
}

void ProgressBar::set(std::int64_t done_bytes) {
  const auto now = Clock::now();
  if (done_bytes_ < 0 || done_bytes < done_bytes_) {
    samples_.clear();
    if (!terminal_ && done_bytes_ < 0) next_draw_ = now + kPipePeriod;
  }
  done_bytes_ = done_bytes;
  // A sample every 50 ms is plenty for a rate; a fast network calls this ten thousand times a second.
  if (samples_.empty() || now - samples_.back().first >= kTerminalPeriod / 2) {
    samples_.emplace_back(now, done_bytes);
    while (samples_.size() > 2 && now - samples_.front().first > kRateWindow) samples_.pop_front();
  }
  if (now < next_draw_) return;
  next_draw_ = now + (terminal_ ? std::chrono::milliseconds(kTerminalPeriod) : kPipePeriod);
  draw(now);
}

void ProgressBar::clear() {
  if (!terminal_ || !drawn_ || finished_) return;
  std::fputs("\r\x1b[K", out_);
  std::fflush(out_);
  next_draw_ = {};
  drawn_ = false;
}

void ProgressBar::finish() {
  if (finished_ || done_bytes_ < 0) return;
  draw(Clock::now());
  if (terminal_) std::fputs("\n", out_);
  finished_ = true;
}

void ProgressBar::draw(Clock::time_point now) {
  const State state{label_, done_bytes_, total_bytes_, rate(now), bar_, unit_};
  if (terminal_) {
    fmt::print(out_, "\r{}\x1b[K", line(state, terminal_columns(out_) - 1));
  } else {
    fmt::print(out_, "{}\n", line(state, 100));
  }
  std::fflush(out_);
  drawn_ = true;
}

double ProgressBar::rate(Clock::time_point now) const {
  if (samples_.empty()) return 0;
  const double seconds = std::chrono::duration<double>(now - samples_.front().first).count();
  return seconds < 0.2 ? 0 : static_cast<double>(done_bytes_ - samples_.front().second) / seconds;
}

std::string ProgressBar::line(const State& state, int columns) {
  const auto amount = [&](std::int64_t value) {
    return state.unit.empty() ? format_bytes(value) : std::to_string(value);
  };
  std::string tail;
  const bool known = state.total_bytes > 0;
  const double share =
      known ? std::clamp(static_cast<double>(state.done_bytes) / static_cast<double>(state.total_bytes), 0.0,
                         1.0)
            : 0;
  if (known) {
    tail = fmt::format("{:3.0f}%  {} of {}", std::floor(share * 100), amount(state.done_bytes),
                       amount(state.total_bytes));
  } else {
    tail = amount(state.done_bytes);
  }
  if (const std::string rate = speed(state); !rate.empty()) {
    tail += "  " + rate;
    if (known && share < 1) {
      tail += fmt::format(
          "  {} left",
          format_seconds(static_cast<double>(state.total_bytes - state.done_bytes) / state.bytes_per_s));
    }
  }
  std::string out(state.label);
  const int room = columns - display_columns(out) - display_columns(tail) - 4;
  if (known && state.bar != State::Bar::kNone && room >= 8)
    out += "  " + drawn_bar(share, std::min(room, 30), state.bar == State::Bar::kBlocks);
  out += "  " + tail;
  // A terminal too narrow for all of it would wrap and scroll at every redraw: the numbers matter most.
  return display_columns(out) <= columns ? out
                                         : tail.substr(0, static_cast<std::size_t>(std::max(columns, 0)));
}

}  // namespace atelier
