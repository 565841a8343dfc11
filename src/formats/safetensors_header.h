// The JSON header of a .safetensors file as events: unlike a parsed document it shows names that come twice,
// and it stops at the first value over a limit.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace atelier::formats {

struct SafetensorsRecord {
  std::string name, dtype;  // dtype as the file spells it: "BF16"
  std::vector<std::int64_t> shape;
  std::array<std::int64_t, 2> offsets;  // [begin, end) in the data section
};

// Every tensor in the header's order; __metadata__ is checked and dropped.
Result<std::vector<SafetensorsRecord>> read_safetensors_header(std::string_view json);

}  // namespace atelier::formats
