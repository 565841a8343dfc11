// Where tests find their data: small files in the tree (tests/data), larger ones beside the checkout
// (ATELIER_TEST_DATA, default ../shared). Tests run in the repository root. For tests only.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

namespace atelier {

// test_data("golden/blocks/Q4_0.blocks.bin"): the path, or nullopt where neither place has it (skip by name).
inline std::optional<std::filesystem::path> test_data(const std::filesystem::path& name) {
  const char* beside = std::getenv("ATELIER_TEST_DATA");
  for (const std::filesystem::path root : {"tests/data", beside != nullptr ? beside : "../shared"}) {
    if (std::filesystem::exists(root / name)) return root / name;
  }
  return std::nullopt;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace atelier
