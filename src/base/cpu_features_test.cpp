#include "base/cpu_features.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace atelier {
namespace {

// The kernel's own list of usable features is the second opinion.
std::set<std::string> kernel_flags() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("flags")) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    return {std::istream_iterator<std::string>(words), {}};
  }
  return {};
}

TEST(CpuFeatures, AgreeWithTheKernel) {
  const std::set<std::string> flags = kernel_flags();
  if (flags.empty()) GTEST_SKIP() << "/proc/cpuinfo lists no flags";
  const auto all = [&](std::initializer_list<const char*> names) {
    for (const char* name : names)
      if (!flags.contains(name)) return false;
    return true;
  };
  const CpuFeatures& features = cpu_features();
  EXPECT_EQ(features.avx2, all({"avx2", "fma", "f16c"}));
  EXPECT_EQ(features.avx_vnni, features.avx2 && all({"avx_vnni"}));
  EXPECT_EQ(features.avx512,
            features.avx2 && all({"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"}));
  EXPECT_EQ(features.avx512_bf16, features.avx512 && all({"avx512_bf16"}));
  EXPECT_TRUE(!features.amx || all({"amx_tile", "amx_int8", "amx_bf16"}));
}

TEST(CpuFeatures, EachLevelIncludesTheOneBelow) {
  const CpuFeatures& features = cpu_features();
  EXPECT_TRUE(!features.amx || features.avx512_bf16);
  EXPECT_TRUE(!features.avx512_bf16 || features.avx512);
  EXPECT_TRUE(!features.avx512 || features.avx2);
  EXPECT_TRUE(!features.avx_vnni || features.avx2);
}

}  // namespace
}  // namespace atelier
