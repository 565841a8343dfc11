#include "app/bench_kernels.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "app/report.h"
#include "base/thread_pool.h"
#include "kernels/backend.h"
#include "kernels/benchmark.h"

namespace atelier::app {
namespace {

using kernels::Measurement;

struct Options {
  std::string isa;
  int threads = 0;
  bool json = false;
};

void print_line(const Measurement& measurement) {
  fmt::print("{:<34}{:10.3f} {:<8}", measurement.name, measurement.value, measurement.unit);
  if (measurement.share > 0) fmt::print("{:6.1f} % of {}", measurement.share * 100, measurement.limit);
  fmt::print("\n");
  std::fflush(stdout);
}

boost::json::array to_json(const std::vector<Measurement>& measurements) {
  boost::json::array out;
  for (const Measurement& each : measurements) {
    boost::json::object entry{{"name", each.name}, {"value", each.value}, {"unit", each.unit}};
    if (each.share > 0) entry.insert({{"share", each.share}, {"limit", each.limit}});
    out.push_back(std::move(entry));
  }
  return out;
}

int run(const Options& options) {
  const auto table = kernels::choose_table(options.isa);
  if (!table) {
    report(table.error());
    return 2;
  }
  ThreadPool pool(options.threads > 0 ? options.threads : available_cores());
  const kernels::Machine machine = kernels::measure_machine(pool);
  const std::vector<Measurement> limits = kernels::measurements(machine);
  if (!options.json) {
    fmt::print("{} on {} threads\n", (*table)->isa, pool.size());
    for (const Measurement& limit : limits) print_line(limit);
  }
  const auto show = [&](const Measurement& measurement) {
    if (!options.json) print_line(measurement);
  };
  const std::vector<Measurement> kernels = kernels::measure_linear(**table, pool, machine, show);
  if (options.json) {
    const boost::json::object out{{"isa", (*table)->isa},
                                  {"threads", pool.size()},
                                  {"machine", to_json(limits)},
                                  {"kernels", to_json(kernels)}};
    fmt::print("{}\n", boost::json::serialize(out));
  }
  return 0;
}

}  // namespace

void add_bench_kernels(CLI::App& bench, Chosen& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      bench.add_subcommand("kernels", "Measure this machine and each kernel as a share of it");
  command->add_option("--isa", options->isa,
                      "instruction set: scalar, avx2, avx512, amx (default: the best)");
  command->add_option("--threads", options->threads, "threads (default: one per core)")
      ->check(CLI::Range(1, 1024));
  command->add_flag("--json", options->json, "print one JSON object");
  command->callback([&chosen, options] { chosen.run = [options] { return run(*options); }; });
}

}  // namespace atelier::app
