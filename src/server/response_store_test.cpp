#include "server/response_store.h"

#include <gtest/gtest.h>

namespace atelier::server {
namespace {

StoredResponse response(std::string id, std::size_t bytes) {
  return {.id = std::move(id), .json = std::string(bytes, 'x'), .conversation = "[]"};
}

TEST(ResponseStore, FindsAndDrops) {
  ResponseStore store({.responses = 4, .bytes = 1000});
  store.keep(response("a", 10));
  ASSERT_NE(store.find("a"), nullptr);
  EXPECT_EQ(store.find("a")->json.size(), 10u);
  EXPECT_EQ(store.find("b"), nullptr);
  EXPECT_TRUE(store.drop("a"));
  EXPECT_FALSE(store.drop("a"));
  EXPECT_EQ(store.find("a"), nullptr);
}

TEST(ResponseStore, ForgetsTheOldestByNumber) {
  ResponseStore store({.responses = 2, .bytes = 1000});
  for (const char* id : {"a", "b", "c"}) store.keep(response(id, 1));
  EXPECT_EQ(store.find("a"), nullptr);
  EXPECT_NE(store.find("b"), nullptr);
  EXPECT_NE(store.find("c"), nullptr);
}

TEST(ResponseStore, ForgetsTheOldestByBytesAndKeepsNothingTooLarge) {
  ResponseStore store({.responses = 100, .bytes = 100});
  store.keep(response("a", 40));
  store.keep(response("b", 40));
  store.keep(response("c", 60));  // for which both must go: 43 + 63 > 100
  EXPECT_EQ(store.find("a"), nullptr);
  EXPECT_EQ(store.find("b"), nullptr);
  EXPECT_NE(store.find("c"), nullptr);
  store.keep(response("d", 200));
  EXPECT_EQ(store.find("d"), nullptr);
  EXPECT_NE(store.find("c"), nullptr);
}

TEST(ResponseStore, TheSameIdReplaces) {
  ResponseStore store({.responses = 2, .bytes = 100});
  store.keep(response("a", 50));
  store.keep(response("a", 60));
  EXPECT_EQ(store.find("a")->json.size(), 60u);
  store.keep(response("b", 20));
  EXPECT_NE(store.find("a"), nullptr);
}

}  // namespace
}  // namespace atelier::server
