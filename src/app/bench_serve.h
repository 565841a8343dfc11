// atelier bench serve: load on a running server, ours or any other of OpenAI's API, in vLLM's numbers.
#pragma once

#include <CLI/App.hpp>

#include "app/commands.h"

namespace atelier::app {

void add_bench_serve(CLI::App& bench, Chosen& chosen);

}  // namespace atelier::app
