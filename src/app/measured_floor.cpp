#include "app/measured_floor.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/thread_pool.h"
#include "bundle/model_bundle.h"
#include "formats/model_hub.h"
#include "kernels/benchmark.h"
#include "plan/footprint.h"

namespace atelier::app {
namespace {

plan::MachinePeak measured_peak() {
  log_info("measuring this machine's limits");
  ThreadPool pool(available_cores());
  const kernels::Machine machine = kernels::measure_machine(pool);
  plan::MachinePeak peak{.operations_per_s = 0, .bytes_per_s = machine.bytes_per_s("memory")};
  for (const kernels::Machine::Unit& unit : machine.units) {
    peak.operations_per_s = std::max(peak.operations_per_s, unit.operations_per_s);
  }
  return peak;
}

}  // namespace

Result<MeasuredFloor> MeasuredFloor::open(const std::string& model, bool measure_here) {
  ATELIER_TRY(const formats::LocatedModel located, formats::locate_model(model));
  ATELIER_TRY(const bundle::ModelBundle bundle, bundle::open_bundle(located.path));
  MeasuredFloor floor;
  ATELIER_TRY(const model::Weights shapes, model::weight_shapes(*bundle.source, bundle.config));
  floor.cost_ = plan::step_cost(bundle.config, shapes, DType::kF16);
  if (measure_here) floor.peak_ = measured_peak();
  return floor;
}

FloorLine MeasuredFloor::of(const load::Summary& summary, std::int64_t at_once) const {
  const auto requests = static_cast<double>(summary.completed);
  FloorLine line;
  line.measured_s = summary.duration_s;
  if (summary.completed == 0) return line;
  line.work = plan::work_floor(cost_, {.requests = requests,
                                       .input_tokens = static_cast<double>(summary.input_tokens) / requests,
                                       .output_tokens = static_cast<double>(summary.output_tokens) / requests,
                                       .at_once = at_once > 0 ? static_cast<double>(at_once) : requests});
  if (peak_) line.seconds = plan::floor_seconds(line.work, *peak_);
  return line;
}

std::string floor_text(const FloorLine& line) {
  std::string text =
      fmt::format("{:<40} {:.3f} TFLOP, {:.2f} GB\n",
                  "Arithmetic floor of this load:", line.work.operations / 1e12, line.work.bytes / 1e9);
  if (line.seconds) {
    text += fmt::format("{:<40} {:.2f} s; measured {:.2f} s, {:.1f} times that\n",
                        "At this machine's limits:", *line.seconds, line.measured_s,
                        line.measured_s / std::max(*line.seconds, 1e-9));
  }
  return text;
}

std::string floor_cell(const FloorLine& line) {
  std::string text =
      fmt::format("{:.2f} TFLOP, {:.1f} GB", line.work.operations / 1e12, line.work.bytes / 1e9);
  if (line.seconds) text += fmt::format(", {:.2f} of {:.2f} s", *line.seconds, line.measured_s);
  return text;
}

void add_json(const FloorLine& line, boost::json::object& out) {
  out["floor_operations"] = line.work.operations;
  out["floor_bytes"] = line.work.bytes;
  out["floor_prompt_operations"] = line.work.prompt_operations;
  if (line.seconds) out["floor_seconds"] = *line.seconds;
}

bool is_this_machine(const std::string& url) {
  const std::size_t begin = url.find("://");
  const std::string_view host = std::string_view(url).substr(begin == url.npos ? 0 : begin + 3);
  return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

}  // namespace atelier::app
