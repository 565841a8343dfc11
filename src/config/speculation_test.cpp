#include "config/speculation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atelier::config {
namespace {

using testing::HasSubstr;

TEST(Speculation, ReadsVllmsObject) {
  EXPECT_EQ(read_speculation("")->method, Speculation::Method::kNone);
  const auto ngram =
      *read_speculation(R"({"method": "ngram", "num_speculative_tokens": 7, "prompt_lookup_max": 3})");
  EXPECT_EQ(ngram.method, Speculation::Method::kNgram);
  EXPECT_EQ(ngram.tokens, 7);
  EXPECT_EQ(ngram.lookup_min, 2);
  EXPECT_EQ(ngram.lookup_max, 3);
  EXPECT_EQ(read_speculation(R"({"method": "ngram", "prompt_lookup_max": 1})")->lookup_min, 1);
  const auto model = *read_speculation(R"({"model": "small", "num_speculative_tokens": 3})");
  EXPECT_EQ(model.method, Speculation::Method::kDraftModel);
  EXPECT_EQ(model.model, "small");
}

TEST(Speculation, RefusesWhatCannotBe) {
  const auto message = [](std::string_view json) {
    const auto got = read_speculation(json);
    return got ? std::string("accepted") : got.error().message;
  };
  EXPECT_THAT(message("{}"), HasSubstr("ngram"));
  EXPECT_THAT(message("[]"), HasSubstr("object"));
  EXPECT_THAT(message(R"({"method": "eagle"})"), HasSubstr("eagle"));
  EXPECT_THAT(message(R"({"method": "draft_model"})"), HasSubstr("needs"));
  EXPECT_THAT(message(R"({"method": "ngram", "num_speculative_tokens": 17})"), HasSubstr("1 to 16"));
  EXPECT_THAT(message(R"({"method": "ngram", "num_speculative_tokens": 0})"), HasSubstr("is 0"));
  EXPECT_THAT(message(R"({"method": "ngram", "num_speculative_tokens": "4"})"), HasSubstr("1 to 16"));
  EXPECT_THAT(message(R"({"method": "ngram", "prompt_lookup_min": 5})"), HasSubstr("more than"));
  EXPECT_THAT(message(R"({"method": "ngram", "lookup": 5})"), HasSubstr("lookup"));
  EXPECT_THAT(message(R"({"model": 5})"), HasSubstr("string"));
}

}  // namespace
}  // namespace atelier::config
