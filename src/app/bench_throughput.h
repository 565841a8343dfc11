// atelier bench throughput: how much an engine gets through when all requests are there at once, offline.
#pragma once

#include <CLI/App.hpp>

#include "app/commands.h"

namespace atelier::app {

void add_bench_throughput(CLI::App& bench, Chosen& chosen);

}  // namespace atelier::app
