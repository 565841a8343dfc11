// A Flag is one row of the table of everything that `atelier serve` can be told: its name, how its value must
// look and, where it can have no effect on this program, what is done instead. The command line, --config
// files and the manual all read the same row.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace atelier::config {

enum class Form : std::uint8_t {
  kSwitch,      // --x, --no-x, --x=False
  kText,        // anything but control characters
  kInteger,     // least … most
  kNumber,      // least … most, with a fraction
  kCount,       // an integer that may be written 32k, 1.5m (thousands) or 32K (1,024s); "auto" and -1 are 0
  kBytes,       // the same, for memory
  kChoice,      // one of `value`, "a|b|c"
  kJsonObject,  // {"a": 1}
  kJsonList,    // ["a", "b"], or one plain text
};

struct Flag {
  std::string_view name;   // "max-model-len", without dashes
  std::string_view group;  // its heading in --help
  Form form = Form::kText;
  std::string_view value = {};   // what --help calls it; for kChoice the choices
  std::string_view preset = {};  // when nobody says anything; "" = nothing
  std::string_view help = {};
  double least = 0, most = 0;
  bool many = false;              // takes several values
  std::string_view instead = {};  // not "": has no effect here, and this is done instead
  std::string_view usual = {};    // of those: the values, "a|b", that ask for what is done anyway
  std::string_view works = {};    // of those: the values, "a|b", that do have an effect
};

std::span<const Flag> flags();
const Flag* find_flag(std::string_view name);          // nullptr: no such flag
std::string_view nearest_flag(std::string_view name);  // the one most like it, to suggest

// The word of "a|b|c" most like `text`; "" of an empty list.
std::string_view nearest_choice(std::string_view text, std::string_view choices);
bool is_choice(std::string_view text, std::string_view choices);

// vLLM's short spellings: "tp" -> "tensor-parallel-size"; "" where there is none.
std::string_view long_name(std::string_view short_name);

}  // namespace atelier::config
