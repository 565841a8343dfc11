#include "text/unicode_classes.h"

#include <array>
#include <bit>

namespace atelier::text {
namespace {

#include "text/unicode_tables.inc"

constexpr std::array<CharClasses, 128> first_row() {
  std::array<CharClasses, 128> row{};
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = kRows[kRowOfBlock[0]][i];
  return row;
}

}  // namespace

constinit const std::array<CharClasses, 128> kAsciiClasses = first_row();

CharClasses classes_of(char32_t code_point) {
  return kRows[kRowOfBlock[code_point >> 7]][code_point & 127];
}

std::uint64_t class_checksum(CharClasses one_class) {
  return kClassChecksums[std::countr_zero(one_class)];
}

}  // namespace atelier::text
