#include "plan/forecast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/card.h"
#include "plan/published_model.h"

namespace atelier::plan {
namespace {

using testing::HasSubstr;

struct Case {
  std::unique_ptr<PublishedModel> model;
  Footprint footprint;
};

Case published(const std::string& name) {
  Case out{PublishedModel::named(name), {}};
  EXPECT_NE(out.model, nullptr) << name;
  auto measured = footprint(*out.model, out.model->config(), {});
  EXPECT_TRUE(measured) << name;
  out.footprint = std::move(*measured);
  return out;
}

Place card(std::string_view name) {
  const Card& card = *find_card(name);
  return {.name = std::string(name),
          .whole_bytes = static_cast<std::int64_t>(card.memory_bytes),
          .free_bytes = static_cast<std::int64_t>(card.memory_bytes),
          .share = 0.9,
          .bytes_per_s = card.bytes_per_s,
          .operations_per_s = card.bf16_per_s};
}

TEST(PublishedModel, HasItsPublishersSizes) {
  // parameters without biases and norms, of two bytes
  const std::pair<const char*, double> models[] = {{"Qwen/Qwen2.5-0.5B-Instruct", 0.494e9},
                                                   {"Qwen2.5-Coder-1.5B", 1.544e9},
                                                   {"Qwen/Qwen2.5-3B", 3.086e9},
                                                   {"Qwen/Qwen2.5-7B-Instruct", 7.616e9},
                                                   {"Qwen/Qwen2.5-14B-Instruct", 14.77e9},
                                                   {"Qwen/Qwen2.5-Coder-32B-Instruct", 32.76e9},
                                                   {"Qwen/Qwen2.5-72B-Instruct", 72.7e9}};
  for (const auto& [name, parameters] : models) {
    const Case one = published(name);
    EXPECT_EQ(one.model->format(), "BF16");
    EXPECT_NEAR(static_cast<double>(one.footprint.weights_bytes), 2 * parameters, 0.005 * 2 * parameters)
        << name;
  }
}

TEST(PublishedModel, TakesItsFormatFromTheName) {
  EXPECT_EQ(PublishedModel::named("Qwen/Qwen2.5-7B-Instruct-GGUF:Q4_K_M")->format(), "Q4_K_M");
  EXPECT_EQ(PublishedModel::named("qwen2.5-7b-instruct-q8_0.gguf")->format(), "Q8_0");
  const auto bytes = [](const char* name) { return published(name).footprint.weights_bytes; };
  EXPECT_LT(bytes("Qwen2.5-7B-AWQ"), 5'900'000'000);  // 4 bits, and both ends in 16
  EXPECT_LT(bytes("Qwen2.5-7B:Q4_0"), bytes("Qwen2.5-7B:Q4_K_M"));
  EXPECT_LT(bytes("Qwen2.5-7B:Q4_K_M"), bytes("Qwen2.5-7B:Q8_0"));
  for (const char* other : {"llama-7b", "qwen2.5", "Qwen/Qwen2.5-9B", ""}) {
    EXPECT_EQ(PublishedModel::named(other), nullptr) << other;
  }
}

TEST(Forecast, SevenBillionOnATenHoldsAClass) {
  const Case seven = published("Qwen/Qwen2.5-7B-Instruct");
  const Forecast eight =
      forecast(seven.model->config(), seven.footprint, card("a10"), {.users = 8, .context = 4096});
  EXPECT_EQ(eight.kv_bytes_per_token, 57'344);
  EXPECT_TRUE(eight.fits);
  EXPECT_GE(eight.full_users, 8);
  const Forecast last = forecast(seven.model->config(), seven.footprint, card("a10"),
                                 {.users = eight.full_users, .context = 4096});
  EXPECT_TRUE(last.fits);
  const Forecast over = forecast(seven.model->config(), seven.footprint, card("a10"),
                                 {.users = eight.full_users + 1, .context = 4096});
  EXPECT_FALSE(over.fits);
  EXPECT_THAT(over.breaks_first, HasSubstr("memory for keys and values"));
  // as many users with the context that is said to fit do fit
  const Forecast longest = forecast(seven.model->config(), seven.footprint, card("a10"),
                                    {.users = 8, .context = eight.largest_context});
  EXPECT_TRUE(longest.fits);
}

TEST(Forecast, SaysWhatBreaksFirst) {
  const Case small = published("Qwen2.5-0.5B");
  EXPECT_THAT(forecast(small.model->config(), small.footprint, card("h200"), {}).breaks_first,
              HasSubstr("context of 32768"));
  const Case huge = published("Qwen2.5-72B");
  const Forecast none = forecast(huge.model->config(), huge.footprint, card("4090"), {});
  EXPECT_EQ(none.full_users, 0);
  EXPECT_THAT(none.breaks_first, HasSubstr("not even the weights"));
}

TEST(Forecast, HalvedKeysAndValuesHoldTwice) {
  const Case seven = published("Qwen2.5-7B");
  const auto users = [&](double bytes) {
    return forecast(seven.model->config(), seven.footprint, card("a10"),
                    {.context = 4096, .kv_element_bytes = bytes})
        .full_users;
  };
  EXPECT_NEAR(static_cast<double>(users(1)), 2.0 * static_cast<double>(users(2)), 1.0);
}

TEST(Forecast, FloorsAreTheNarrowerSide) {
  const Case seven = published("Qwen2.5-7B");
  const Forecast f =
      forecast(seven.model->config(), seven.footprint, card("4090d"), {.users = 4, .context = 4096});
  EXPECT_DOUBLE_EQ(f.decode_one.seconds, f.decode_one.bytes / 1008e9);
  EXPECT_DOUBLE_EQ(f.prefill.seconds, f.prefill.operations / 147.1e12);
  EXPECT_NEAR(f.decode_all.bytes - f.decode_one.bytes, 3.0 * 4096 * 57'344, 1.0);
  EXPECT_NEAR(f.decode_all.operations, 4 * f.decode_one.operations, 1.0);
}

TEST(Cards, AreToldApart) {
  for (const Card& one : cards()) {
    EXPECT_EQ(find_card(one.name), &one);
    EXPECT_GT(one.memory_bytes, 1e10);
    EXPECT_GT(one.bytes_per_s, 1e11);
    EXPECT_GT(one.bf16_per_s, 1e13);
  }
  EXPECT_EQ(find_card("a11"), nullptr);
}

}  // namespace
}  // namespace atelier::plan
