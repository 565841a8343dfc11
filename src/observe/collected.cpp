#include "observe/collected.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>

namespace atelier::observe {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric sample(MetricType type, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return metric;
}

// Families of one number for each set of labels.
class Family {
 public:
  Family(Collected& out, MetricType type, std::string name, std::string help)
      : family_(out.emplace_back(MetricFamily{std::move(name), std::move(help), type, {}})) {}

  Family& add(Labels labels, double value) {
    family_.metric.push_back(sample(family_.type, std::move(labels), value));
    return *this;
  }
  Family& add(Labels labels, const char* name, const char* which, double value) {
    labels.push_back({name, which});
    return add(std::move(labels), value);
  }

 private:
  MetricFamily& family_;
};

double number(std::int64_t value) {
  return static_cast<double>(value);
}

void add_gauges(const MetricsTerms& terms, const engine::EngineStats& stats, Collected& out) {
  const Labels labels = engine_labels(terms.model_name);
  const auto gauge = [&](const char* name, const char* help) {
    return Family(out, MetricType::Gauge, name, help);
  };
  gauge("vllm:num_requests_running", "Generations in the engine's batches.")
      .add(labels, number(stats.running));
  gauge("vllm:num_requests_waiting", "Generations that wait for a place.").add(labels, number(stats.waiting));
  gauge("vllm:num_requests_waiting_by_reason", "The waiting ones by what they wait for.")
      .add(labels, "reason", "capacity", number(stats.waiting))
      .add(labels, "reason", "deferred", 0);
  const double share = stats.blocks_total > 0 ? number(stats.blocks_used) / number(stats.blocks_total) : 0;
  gauge("vllm:kv_cache_usage_perc", "Share of the KV blocks in use, 0 to 1.").add(labels, share);
  gauge("vllm:engine_sleep_state", "1 for the state the engine is in.")
      .add(labels, "sleep_state", "awake", 1)
      .add(labels, "sleep_state", "weights_offloaded", 0)
      .add(labels, "sleep_state", "discard_all", 0);
  gauge("vllm:cache_config_info", "How the KV cache is set up.")
      .add({{"block_size", std::to_string(terms.block_tokens)},
            {"cache_dtype", terms.kv_dtype},
            {"enable_prefix_caching", terms.engine.prefix_cache ? "True" : "False"},
            {"num_gpu_blocks", std::to_string(stats.blocks_total)},
            {"engine", "0"}},
           1);
}

void add_counters(const MetricsTerms& terms, const engine::EngineStats& stats, Collected& out) {
  const Labels labels = engine_labels(terms.model_name);
  const auto counter = [&](const char* name, const char* help, double value) {
    Family(out, MetricType::Counter, name, help).add(labels, value);
  };
  counter("vllm:num_preemptions_total", "Generations put back for want of KV blocks.",
          number(stats.preemptions));
  counter("vllm:prompt_tokens_recomputed_total", "Tokens computed again after a preemption.",
          number(stats.recomputed_tokens));
  counter("vllm:prefix_cache_queries_total", "Prompt tokens looked up in the prefix cache.",
          number(stats.prefix_queries));
  counter("vllm:prefix_cache_hits_total", "Prompt tokens found in the prefix cache.",
          number(stats.prefix_hits));
  // caches that vLLM has and this engine has not: nothing was asked of them
  for (const char* cache : {"external_prefix_cache", "mm_cache"}) {
    counter(fmt::format("vllm:{}_queries_total", cache).c_str(), "Queries of a cache that is not there.", 0);
    counter(fmt::format("vllm:{}_hits_total", cache).c_str(), "Hits of a cache that is not there.", 0);
  }
}

void add_speculation(const MetricsTerms& terms, const engine::EngineStats& stats, Collected& out) {
  const Labels labels = engine_labels(terms.model_name);
  const engine::SpeculationCounts& counts = stats.speculation;
  const auto counter = [&](const char* name, const char* help) {
    return Family(out, MetricType::Counter, name, help);
  };
  counter("vllm:spec_decode_num_drafts_total", "Guesses of what follows.").add(labels, number(counts.drafts));
  counter("vllm:spec_decode_num_draft_tokens_total", "Tokens guessed.")
      .add(labels, number(counts.draft_tokens));
  counter("vllm:spec_decode_num_accepted_tokens_total", "Guessed tokens that held.")
      .add(labels, number(counts.accepted_tokens));
  Family places = counter("vllm:spec_decode_num_accepted_tokens_per_pos_total",
                          "Guessed tokens that held, by their place in the guess.");
  for (std::size_t i = 0; i < counts.accepted_at.size(); ++i) {
    places.add(labels, "position", std::to_string(i).c_str(), number(counts.accepted_at[i]));
  }
}

void add_step_sizes(const MetricsTerms& terms, const engine::EngineStats& stats, Collected& out) {
  ClientMetric metric;
  metric.label = engine_labels(terms.model_name);
  const engine::StepSizes& sizes = stats.step_sizes;
  std::int64_t below = 0;
  for (std::size_t i = 0; i < sizes.counts.size(); ++i) {
    below += sizes.counts[i];
    const double bound = i < engine::StepSizes::kBounds.size() ? number(engine::StepSizes::kBounds[i])
                                                               : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({static_cast<std::uint64_t>(below), bound});
  }
  metric.histogram.sample_count = static_cast<std::uint64_t>(below);
  metric.histogram.sample_sum = number(sizes.tokens);
  out.push_back({"vllm:iteration_tokens_total",
                 "Tokens per step of the engine.",
                 MetricType::Histogram,
                 {std::move(metric)}});
}

double open_descriptors() {
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/self/fd", error);
  return error ? 0 : static_cast<double>(std::distance(begin(entries), end(entries)));
}

double resident_bytes() {
  std::ifstream in("/proc/self/statm");
  double total = 0, resident = 0;
  in >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

// Taken when it is first asked for: a moment after the start, and the same from then on.
double process_start_seconds() {
  static const auto start = static_cast<double>(std::time(nullptr));
  return start;
}

}  // namespace

Labels engine_labels(const std::string& model_name) {
  return {{"model_name", model_name}, {"engine", "0"}};
}

void add_engine_metrics(const MetricsTerms& terms, Collected& out) {
  const engine::EngineStats stats = terms.stats();
  add_gauges(terms, stats, out);
  add_counters(terms, stats, out);
  add_speculation(terms, stats, out);
  add_step_sizes(terms, stats, out);
  if (terms.spans_dropped) {
    Family(out, MetricType::Counter, "atelier:trace_spans_dropped_total", "Spans that no collector took.")
        .add({}, number(terms.spans_dropped()));
  }
}

void add_process_metrics(Collected& out) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) { return number(time.tv_sec) + number(time.tv_usec) * 1e-6; };
  Family(out, MetricType::Counter, "process_cpu_seconds_total", "Processor time of this process.")
      .add({}, seconds(used.ru_utime) + seconds(used.ru_stime));
  Family(out, MetricType::Gauge, "process_resident_memory_bytes", "Memory this process holds.")
      .add({}, resident_bytes());
  Family(out, MetricType::Gauge, "process_open_fds", "File descriptors that are open.")
      .add({}, open_descriptors());
  Family(out, MetricType::Gauge, "process_start_time_seconds", "When this process began, Unix time.")
      .add({}, process_start_seconds());
}

void add_old_names(Collected& out) {
  constexpr std::pair<const char*, const char*> kOldNames[] = {
      {"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"},
      {"vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"},
      {"vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"},
      {"vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"}};
  Collected old;
  for (const auto& [name, old_name] : kOldNames) {
    const auto found = std::ranges::find(out, name, &MetricFamily::name);
    if (found == out.end()) continue;
    old.push_back(*found);
    old.back().name = old_name;
    old.back().help = fmt::format("The older name of {}.", name);
  }
  std::ranges::move(old, std::back_inserter(out));
}

}  // namespace atelier::observe
