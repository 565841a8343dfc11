#include "server/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>

namespace atelier::server {
namespace {

TEST(Workers, DoEveryTask) {
  std::atomic<int> done{0};
  std::promise<void> all;
  Workers workers(3, {});
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(workers.post([&] {
      if (++done == 200) all.set_value();
    }));
  }
  EXPECT_EQ(all.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(Workers, RefuseWhatIsTooMuch) {
  std::promise<void> go, begun;
  Workers workers(1, {.tasks = 2});
  workers.post([&] {
    begun.set_value();
    go.get_future().wait();
  });
  begun.get_future().wait();
  EXPECT_TRUE(workers.post([] {}));
  EXPECT_TRUE(workers.post([] {}));
  EXPECT_FALSE(workers.post([] {}));
  go.set_value();
}

TEST(Workers, RefuseWhatHoldsTooMuch) {
  std::promise<void> go, begun;
  Workers workers(1, {.bytes = 100});
  workers.post([&] {
    begun.set_value();
    go.get_future().wait();
  });
  begun.get_future().wait();
  EXPECT_TRUE(workers.post([] {}, 500));  // alone, anything may wait
  EXPECT_FALSE(workers.post([] {}, 1));
  go.set_value();
}

TEST(Workers, SurviveATaskThatThrows) {
  std::promise<void> after;
  Workers workers(1, {});
  workers.post([] { throw std::runtime_error("a broken task"); });
  workers.post([&] { after.set_value(); });
  EXPECT_EQ(after.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

}  // namespace
}  // namespace atelier::server
