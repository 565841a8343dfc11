// atelier bench kernels: what this machine can do, and each kernel as a share of it.
#pragma once

#include <CLI/App.hpp>

#include "app/commands.h"

namespace atelier::app {

void add_bench_kernels(CLI::App& bench, Chosen& chosen);

}  // namespace atelier::app
