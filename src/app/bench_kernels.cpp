#include "app/bench_kernels.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "app/report.h"
#include "app/roofline_svg.h"
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
  std::string svg;  // a file to write the picture to; "" = none
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

// "Intel(R) Xeon(R) Processor"; empty where the system does not say.
std::string processor_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name") && line.find(": ") != std::string::npos) {
      return line.substr(line.find(": ") + 2);
    }
  }
  return {};
}

Roofline to_roofline(const kernels::Machine& machine, const std::vector<Measurement>& measured,
                     const std::string& title) {
  Roofline roofline;
  roofline.title = title;
  for (const auto& level : machine.levels) roofline.levels.push_back({level.name, level.bytes_per_s});
  for (const auto& unit : machine.units) roofline.units.push_back({unit.name, unit.operations_per_s});
  for (const Measurement& each : measured) {
    roofline.points.push_back({.label = each.label,
                               .series = each.series,
                               .operations_per_byte = each.operations / each.bytes,
                               .operations_per_s = each.operations / each.seconds});
  }
  return roofline;
}

Status write_picture(const std::string& path, const Roofline& roofline) {
  std::ofstream out(path);
  out << roofline_svg(roofline) << std::flush;
  if (!out) return fail_param(Fault::kBadRequest, "--svg", fmt::format("cannot write {}", path));
  return {};
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
  if (options.svg.empty()) return 0;
  const std::string title = fmt::format("{}, {} on {} {}", processor_name(), (*table)->isa, pool.size(),
                                        pool.size() == 1 ? "thread" : "threads");
  const Status written = write_picture(options.svg, to_roofline(machine, kernels, title));
  return written ? 0 : report(written.error());
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
  command->add_option("--svg", options->svg, "also draw the roofline into this file");
  command->callback([&chosen, options] { chosen.run = [options] { return run(*options); }; });
}

}  // namespace atelier::app
