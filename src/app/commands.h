// The commands of `atelier`: each file adds one to the command line. A command returns its exit status: 0
// success, 1 failure, 2 bad usage. Results go to stdout, everything else to stderr.
#pragma once

#include <CLI/App.hpp>
#include <functional>

namespace atelier::app {

// Set by the callback of the command that was chosen; main runs it after parsing.
struct Chosen {
  std::function<int()> run;
};

void add_render(CLI::App& root, Chosen& chosen);
void add_version(CLI::App& root, Chosen& chosen);

}  // namespace atelier::app
