// A roofline as an SVG picture: what a kernel reaches (operations per second) over how much it computes for
// every byte it moves, both logarithmic, under the roofs of this machine's units and memory levels.
#pragma once

#include <string>
#include <vector>

namespace atelier::app {

struct Roofline {
  struct Roof {
    std::string name;
    double per_s = 0.0;  // bytes of a level, operations of a unit
  };
  struct Point {
    std::string label, series;  // "Q4_0" of "512 rows": a series has one colour
    double operations_per_byte = 0.0, operations_per_s = 0.0;
  };
  std::string title;
  std::vector<Roof> levels, units;
  std::vector<Point> points;
};

// A whole file. Points and roofs that are not above 0 are left out.
std::string roofline_svg(const Roofline& roofline);

}  // namespace atelier::app
