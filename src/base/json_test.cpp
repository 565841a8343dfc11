#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atelier {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view text, JsonLimits limits = {}) {
  const auto value = parse_json(text, limits);
  if (value) return "accepted";
  EXPECT_EQ(value.error().fault, Fault::kBadRequest);
  return value.error().message;
}

TEST(Json, ReadsValues) {
  const auto value = parse_json(" {\"a\": [1, -2.5, true, null, \"\\u00e9\"]} \r\n\t");
  ASSERT_TRUE(value) << value.error().message;
  const auto& list = value->at("a").as_array();
  EXPECT_EQ(list[0], 1);
  EXPECT_EQ(list[1], -2.5);
  EXPECT_EQ(list[2], true);
  EXPECT_TRUE(list[3].is_null());
  EXPECT_EQ(list[4], "é");
  EXPECT_TRUE(parse_json("7"));
}

TEST(Json, SaysWhereItBroke) {
  EXPECT_THAT(refusal("{\"a\": tru!}"), HasSubstr("near byte 6"));
  EXPECT_THAT(refusal("{} x"), HasSubstr("extra"));
  EXPECT_THAT(refusal("{} {}"), HasSubstr("extra"));
  for (const char* text :
       {"", " ", "{", "[1,]", "{\"a\" 1}", "\"", "nul", "{'a':1}", "01", "[1}", "// x\n1", "NaN"}) {
    EXPECT_THAT(refusal(text), HasSubstr("invalid JSON")) << text;
  }
  EXPECT_THAT(refusal(std::string_view("{}\0", 3)), HasSubstr("invalid JSON"));
  EXPECT_THAT(refusal("\"\xff\""), HasSubstr("invalid JSON")) << "no UTF-8";
}

TEST(Json, LimitsSizeAndDepth) {
  EXPECT_THAT(refusal("[1,2,3]", {.max_bytes = 6}), HasSubstr("7 bytes; the limit is 6"));
  EXPECT_EQ(refusal("[1,2,3]", {.max_bytes = 7}), "accepted");
  EXPECT_EQ(refusal("[[[]]]", {.max_depth = 3}), "accepted");
  EXPECT_THAT(refusal("[[[[]]]]", {.max_depth = 3}), HasSubstr("deep"));
  const std::string million(1000000, '[');
  EXPECT_THAT(refusal(million), HasSubstr("deep"));
}

TEST(Json, EveryTruncationIsRefused) {
  const std::string text = R"({"a":[1.5e3,true,"b\u00e9\n"],"c":{"d":null}})";
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_NE(refusal(std::string_view(text).substr(0, length)), "accepted") << length;
  }
}

}  // namespace
}  // namespace atelier
