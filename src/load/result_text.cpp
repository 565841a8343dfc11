#include "load/result_text.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <cmath>
#include <iterator>

#include "base/terminal.h"

namespace atelier::load {
namespace {

namespace json = boost::json;
constexpr int kWidth = 50;

const char* heading(Latency latency) {
  constexpr std::array kHeadings = {"Time to First Token", "Time per Output Token (excl. 1st token)",
                                    "Inter-token Latency", "End-to-end Latency"};
  return kHeadings[static_cast<std::size_t>(latency)];
}

const char* capitals(Latency latency) {
  constexpr std::array kNames = {"TTFT", "TPOT", "ITL", "E2EL"};
  return kNames[static_cast<std::size_t>(latency)];
}

// "99", "99.9"
std::string percent_text(double percent) {
  return percent == std::floor(percent) ? fmt::format("{:.0f}", percent) : fmt::format("{:g}", percent);
}

std::string rounded(double value) {
  return fmt::format("{:.2f}", value);
}

class Block {
 public:
  explicit Block(std::FILE* stream) : stream_(stream) {}

  void line(std::string_view name, std::string_view value) {
    fmt::format_to(std::back_inserter(text_), "{:<40} {:<10}\n", name, value);
  }
  void rule(std::string_view title, char fill, Colour colour) {
    const std::string centred =
        fill == '=' ? fmt::format("{:=^{}}", title, kWidth) : fmt::format("{:-^{}}", title, kWidth);
    text_ += paint(centred, colour, stream_) + "\n";
  }
  std::string take() { return std::move(text_); }

 private:
  std::FILE* stream_;
  std::string text_;
};

void add_totals(const Summary& sum, const ShownRun& shown, Block& block) {
  block.line("Successful requests:", std::to_string(sum.completed));
  block.line("Failed requests:", std::to_string(sum.failed));
  if (shown.max_concurrency > 0) {
    block.line("Maximum request concurrency:", std::to_string(shown.max_concurrency));
  }
  if (shown.requests_per_s > 0) block.line("Request rate configured (RPS):", rounded(shown.requests_per_s));
  block.line("Benchmark duration (s):", rounded(sum.duration_s));
  block.line("Total input tokens:", std::to_string(sum.input_tokens));
  block.line("Total generated tokens:", std::to_string(sum.output_tokens));
  block.line("Request throughput (req/s):", rounded(sum.request_throughput));
  if (sum.request_goodput) block.line("Request goodput (req/s):", rounded(*sum.request_goodput));
  block.line("Output token throughput (tok/s):", rounded(sum.output_throughput));
  block.line("Peak output token throughput (tok/s):", rounded(sum.max_output_tokens_per_s));
  block.line("Peak concurrent requests:", rounded(static_cast<double>(sum.max_concurrent_requests)));
  block.line("Total Token throughput (tok/s):", rounded(sum.total_token_throughput));
  block.line("Client CPU (% of one core):", rounded(sum.cpu_share() * 100));
}

json::array numbers(const std::vector<double>& values) {
  return json::array(values.begin(), values.end());
}

void add_each(const std::vector<Answer>& answers, json::object& out) {
  json::array inputs, outputs, ttfts, itls, starts, texts, errors;
  for (const Answer& answer : answers) {
    inputs.push_back(answer.input_tokens);
    outputs.push_back(answer.output_tokens);
    ttfts.push_back(answer.ttft_s);
    itls.push_back(numbers(answer.itl_s));
    starts.push_back(answer.start_s);
    texts.push_back(json::string(answer.text));
    errors.push_back(json::string(answer.error));
  }
  out["input_lens"] = std::move(inputs);
  out["output_lens"] = std::move(outputs);
  out["ttfts"] = std::move(ttfts);
  out["itls"] = std::move(itls);
  out["start_times"] = std::move(starts);
  out["generated_texts"] = std::move(texts);
  out["errors"] = std::move(errors);
}

}  // namespace

std::string result_text(const Summary& summary, const ShownRun& shown, std::FILE* stream) {
  Block block(stream);
  block.rule(" Serving Benchmark Result ", '=', Colour::kBold);
  add_totals(summary, shown, block);
  for (const Latency latency : shown.latencies) {
    const Spread& spread = summary.latency(latency);
    block.rule(heading(latency), '-', Colour::kCyan);
    block.line(fmt::format("Mean {} (ms):", capitals(latency)), rounded(spread.mean));
    block.line(fmt::format("Median {} (ms):", capitals(latency)), rounded(spread.median));
    for (const auto& [percent, value] : spread.percentiles) {
      block.line(fmt::format("P{} {} (ms):", percent_text(percent), capitals(latency)), rounded(value));
    }
  }
  block.rule("", '=', Colour::kBold);
  return block.take();
}

json::object result_json(const Summary& sum, const ShownRun& shown, const std::vector<Answer>* answers) {
  json::object out{{"duration", sum.duration_s},
                   {"completed", sum.completed},
                   {"failed", sum.failed},
                   {"total_input_tokens", sum.input_tokens},
                   {"total_output_tokens", sum.output_tokens},
                   {"request_throughput", sum.request_throughput},
                   {"request_goodput", nullptr},
                   {"output_throughput", sum.output_throughput},
                   {"total_token_throughput", sum.total_token_throughput},
                   {"max_output_tokens_per_s", sum.max_output_tokens_per_s},
                   {"max_concurrent_requests", sum.max_concurrent_requests},
                   {"client_cpu_seconds", sum.cpu_s},
                   {"client_cpu_share", sum.cpu_share()}};
  if (sum.request_goodput) out["request_goodput"] = *sum.request_goodput;
  for (const Latency latency : shown.latencies) {
    const Spread& spread = sum.latency(latency);
    const std::string name = fmt::format("{}_ms", short_name(latency));
    out["mean_" + name] = spread.mean;
    out["median_" + name] = spread.median;
    out["std_" + name] = spread.std;
    for (const auto& [percent, value] : spread.percentiles) {
      out[fmt::format("p{}_{}", percent_text(percent), name)] = value;
    }
  }
  if (answers != nullptr) add_each(*answers, out);
  return out;
}

}  // namespace atelier::load
