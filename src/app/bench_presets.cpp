#include "app/bench_presets.h"

#include <algorithm>
#include <array>

namespace atelier::app {
namespace {

// Where a report does not say how many requests ran at once, a number that its flags allow stands here.
const std::array kPresets = {
    Preset{"contract",
           "report A: a contract of 128K tokens to JSON, 4x RTX 4090D",
           {{"130K contract", 130'000, 512, 1, "TTFT 1.65 s, 51.1 tok/s (WSL2: 1.82 s, 47.3)"}}},
    Preset{"lengths",
           "report B: four cards as one, 4x RTX 4090D",
           {{"4K", 4'096, 512, 16, "1842 tok/s"},
            {"16K", 16'384, 512, 16, "1203 tok/s"},
            {"64K", 65'536, 512, 16, "678 tok/s"},
            {"128K", 130'560, 512, 16, "412 tok/s"}}},
    Preset{"student",
           "report C: a distilled student, 4x RTX 4090D",
           {{"one request", 1'024, 512, 1, "teacher 2.8 s, 42 tok/s; student 0.9 s, 135 tok/s"},
            {"teacher's batch", 1'024, 512, 4, "batch 4"},
            {"student's batch", 1'024, 512, 16, "batch 16"}}},
    Preset{"class",
           "report D: one A10 shared by a class",
           {{"5 students", 2'048, 512, 5, "5 to 8 students on a card"},
            {"8 students", 2'048, 512, 8, "5 to 8 students on a card"},
            {"20 students", 2'048, 512, 20, "3 to 4 cards for a class of 20"}}}};

}  // namespace

const Preset* find_preset(std::string_view name) {
  const auto found = std::ranges::find(kPresets, name, &Preset::name);
  return found == kPresets.end() ? nullptr : &*found;
}

std::string preset_names() {
  std::string names;
  for (const Preset& preset : kPresets) names += (names.empty() ? "" : ", ") + preset.name;
  return names;
}

}  // namespace atelier::app
