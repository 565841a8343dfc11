#include "cache/prefix_keys.h"

#include <gtest/gtest.h>

#include <numeric>

namespace atelier::cache {
namespace {

std::vector<BlockKey> keys(std::string_view salt, const std::vector<std::int32_t>& tokens,
                           bool generated = false) {
  PrefixKeys keys(salt, 4);
  keys.extend(tokens, generated);
  return {keys.keys().begin(), keys.keys().end()};
}

TEST(PrefixKeys, NameFullBlocksOnly) {
  EXPECT_EQ(keys("", {1, 2, 3}).size(), 0u);
  EXPECT_EQ(keys("", {1, 2, 3, 4}).size(), 1u);
  EXPECT_EQ(keys("", {1, 2, 3, 4, 5, 6, 7, 8, 9}).size(), 2u);
}

TEST(PrefixKeys, AreEqualForEqualBeginningsHoweverTheyCame) {
  std::vector<std::int32_t> tokens(20);
  std::iota(tokens.begin(), tokens.end(), 100);
  PrefixKeys one_by_one("salt", 4);
  for (const std::int32_t& token : tokens) one_by_one.extend({&token, 1}, false);
  const auto whole = keys("salt", tokens);
  EXPECT_TRUE(std::ranges::equal(one_by_one.keys(), whole));
  tokens.back() = 1;
  const auto other = keys("salt", tokens);
  EXPECT_TRUE(std::equal(whole.begin(), whole.begin() + 4, other.begin()));
  EXPECT_NE(whole[4], other[4]);
}

TEST(PrefixKeys, DifferByEverythingThatWentBefore) {
  const auto base = keys("a", {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_NE(base[1], keys("a", {9, 2, 3, 4, 5, 6, 7, 8})[1]);
  EXPECT_NE(base[0], keys("b", {1, 2, 3, 4})[0]);
  EXPECT_NE(base[0], keys("a", {1, 2, 3, 4}, true)[0]);
  EXPECT_NE(base[0], base[1]);
}

TEST(PrefixKeys, OfNothingShareNothing) {
  PrefixKeys none;
  none.extend(std::vector<std::int32_t>(100, 1), false);
  EXPECT_TRUE(none.keys().empty());
}

}  // namespace
}  // namespace atelier::cache
