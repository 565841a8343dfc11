// The command line of `atelier serve`, made from the table of flags.
#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/serve_config.h"
#include "config/settings.h"

namespace atelier::app {

class ServeFlags {
 public:
  // Adds every flag of the table, MODEL and --config to `command`, which must not outlive this.
  explicit ServeFlags(CLI::App& command);
  ServeFlags(const ServeFlags&) = delete;
  ServeFlags& operator=(const ServeFlags&) = delete;

  // After the parse: the command line's flags, then the file's, then the environment's. Failures name a flag.
  Result<config::Settings> settings() const;

 private:
  struct Given {
    const config::Flag* flag;
    CLI::Option* option;
  };
  Status refuse_extras() const;

  CLI::App& command_;
  std::vector<Given> given_;
  std::string positional_model_, config_file_;
};

}  // namespace atelier::app
