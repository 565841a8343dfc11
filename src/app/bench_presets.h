// The measured tables of the four field reports this program answers, as load runs that anyone can repeat.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::app {

struct PresetCase {
  std::string name;
  std::int64_t input_tokens, output_tokens;
  std::int64_t at_once;
  std::string reported;  // what the report says of it, on its own machine
};

struct Preset {
  std::string name, title;
  std::vector<PresetCase> cases;
};

const Preset* find_preset(std::string_view name);  // nullptr: none of that name
std::string preset_names();                        // "contract, lengths, ..."

}  // namespace atelier::app
