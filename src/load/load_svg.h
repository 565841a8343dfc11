// A load run as an SVG picture: tokens per second and open requests over time, and how the times to first
// token and between tokens are spread.
#pragma once

#include <string>
#include <vector>

#include "load/answer.h"

namespace atelier::load {

// A whole file. Failed requests are left out.
std::string load_svg(const std::string& title, const std::vector<Answer>& answers);

}  // namespace atelier::load
