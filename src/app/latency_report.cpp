#include "app/latency_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/json/array.hpp>

namespace atelier::app {
namespace {

template <class Value>
double median(const std::vector<LatencyRound>& rounds, const Value& value) {
  std::vector<double> values;
  for (const LatencyRound& round : rounds) values.push_back(value(round));
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::ranges::nth_element(values, middle);
  return *middle;
}

boost::json::array column(const std::vector<LatencyRound>& rounds, double LatencyRound::* field) {
  boost::json::array out;
  for (const LatencyRound& round : rounds) out.push_back(round.*field);
  return out;
}

// Of the middle one of the decoded tokens.
double bytes_per_step(const LatencyReport& report) {
  const LatencyTask& task = report.task;
  const double keys = static_cast<double>(task.depth_tokens + task.input_tokens) +
                      static_cast<double>(task.output_tokens + 1) / 2;
  return report.cost.decode_bytes(static_cast<double>(task.sequences), keys);
}

double operations_per_input_token(const LatencyReport& report) {
  const auto depth = static_cast<double>(report.task.depth_tokens),
             tokens = static_cast<double>(report.task.input_tokens);
  return report.cost.prefill_operations(depth, tokens) / tokens;
}

}  // namespace

double LatencyReport::prefill_tokens_per_s() const {
  return median(rounds, [](const LatencyRound& round) { return round.prefill_tokens_per_s; });
}

double LatencyReport::decode_tokens_per_s() const {
  return median(rounds, [](const LatencyRound& round) { return round.decode_tokens_per_s; });
}

double LatencyReport::decode_bandwidth_share() const {
  const double bytes = bytes_per_step(*this) / static_cast<double>(task.sequences);
  return median(rounds, [&](const LatencyRound& round) {
    return bytes * round.decode_tokens_per_s / round.read_bytes_per_s;
  });
}

double LatencyReport::prefill_peak_share() const {
  const double operations = operations_per_input_token(*this);
  return median(rounds, [&](const LatencyRound& round) {
    const double peak = round.peak_operations_per_s;
    return peak > 0 ? operations * round.prefill_tokens_per_s / peak : 0.0;
  });
}

boost::json::object to_json(const LatencyReport& report) {
  return {{"input_len", report.task.input_tokens},
          {"output_len", report.task.output_tokens},
          {"batch_size", report.task.sequences},
          {"depth", report.task.depth_tokens},
          {"prefill_tokens_per_s", report.prefill_tokens_per_s()},
          {"decode_tokens_per_s", report.decode_tokens_per_s()},
          {"decode_bandwidth_share", report.decode_bandwidth_share()},
          {"prefill_peak_share", report.prefill_peak_share()},
          {"bandwidth", column(report.rounds, &LatencyRound::read_bytes_per_s)},
          {"decode", column(report.rounds, &LatencyRound::decode_tokens_per_s)},
          {"peak", column(report.rounds, &LatencyRound::peak_operations_per_s)},
          {"prefill", column(report.rounds, &LatencyRound::prefill_tokens_per_s)},
          {"decode_bytes_per_step", bytes_per_step(report)},
          {"prefill_operations_per_token", operations_per_input_token(report)},
          {"unit", report.unit},
          {"load_s", report.load_s},
          {"first_token_s", report.first_token_s},
          {"peak_rss_bytes", report.peak_rss_bytes},
          {"weights_bytes", report.weights_bytes},
          {"kv_bytes", report.kv_bytes},
          {"compute", report.compute},
          {"isa", report.isa},
          {"threads", report.threads}};
}

void print_lines(const LatencyReport& report) {
  fmt::print("prefill      {:10.1f} tokens/s", report.prefill_tokens_per_s());
  if (const double share = report.prefill_peak_share(); share > 0) {
    fmt::print("  {:5.1f} % of {}", share * 100, report.unit);
  }
  fmt::print("\ndecode       {:10.1f} tokens/s  {:5.1f} % of read bandwidth\n", report.decode_tokens_per_s(),
             report.decode_bandwidth_share() * 100);
  fmt::print("load         {:10.2f} s\n", report.load_s);
  fmt::print("first token  {:10.2f} s from process start\n", report.first_token_s);
  fmt::print("peak memory  {:10} MiB\n", report.peak_rss_bytes >> 20);
  fmt::print("weights      {:10} MiB\n", report.weights_bytes >> 20);
  fmt::print("KV pool      {:10} MiB\n", report.kv_bytes >> 20);
  fmt::print("{} on {} threads\n", report.isa, report.threads);
}

}  // namespace atelier::app
