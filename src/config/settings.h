// Settings are what was asked for, by flag, already checked each for itself. The command line is heard first,
// then the --config file, then the environment: what was said once is not said over.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/flag.h"

namespace atelier::config {

class Settings {
 public:
  // Nothing happens where the flag has been set already. kBadRequest names the flag and the nearest value.
  Status set(const Flag& flag, std::vector<std::string> values);

  bool given(std::string_view name) const { return values_.contains(name); }

  // What was given, else the flag's preset, in the form of its row; each aborts on a name or a form that the
  // table does not have.
  std::string text(std::string_view name) const;  // "": nothing given, no preset
  std::vector<std::string> texts(std::string_view name) const;
  bool on(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;  // also counts and bytes; 0: nothing
  double number(std::string_view name) const;         // 0: nothing

  // "--swap-space 4: …", one for each flag that has no effect here and asks for something else.
  std::vector<std::string> notices() const;

 private:
  std::vector<std::string> raw(std::string_view name) const;

  std::map<std::string, std::vector<std::string>, std::less<>> values_;  // by flag
};

}  // namespace atelier::config
