// The arithmetic floor beside a measurement of bench serve: of the work that was really done, and where the
// server runs on this machine, with this machine's limits measured just before.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>

#include "load/summary.h"
#include "plan/work_floor.h"

namespace atelier::app {

struct FloorLine {
  plan::WorkFloor work;
  std::optional<double> seconds;  // unset: the server's machine is not known
  double measured_s = 0;
};

class MeasuredFloor {
 public:
  // Reads the model's header; `measure_here`: also this machine's limits, which takes a moment.
  static Result<MeasuredFloor> open(const std::string& model, bool measure_here);

  // `at_once` 0: all requests.
  FloorLine of(const load::Summary& summary, std::int64_t at_once) const;

 private:
  plan::StepCost cost_;
  std::optional<plan::MachinePeak> peak_;
};

std::string floor_text(const FloorLine& line);  // lines to stand below vLLM's block
std::string floor_cell(const FloorLine& line);
void add_json(const FloorLine& line, boost::json::object& out);

bool is_this_machine(const std::string& url);  // loopback, by its name

}  // namespace atelier::app
