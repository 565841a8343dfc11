#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "app/commands.h"

namespace atelier::app {

void add_version(CLI::App& root, Chosen& chosen) {
  root.add_subcommand("version", "Print the version")->callback([&chosen] {
    chosen.run = [] {
      fmt::print("{}\n", ATELIER_VERSION);
      return 0;
    };
  });
}

}  // namespace atelier::app
