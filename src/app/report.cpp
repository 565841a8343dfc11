#include "app/report.h"

#include <fmt/core.h>

#include <cstdio>

namespace atelier::app {

int report(const Failure& failure) {
  fmt::print(stderr, "atelier: {}\n", failure.message);
  return failure.param.starts_with("--") ? 2 : 1;
}

}  // namespace atelier::app
