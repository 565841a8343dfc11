#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>

namespace atelier {
namespace {

TEST(ThreadPool, EveryPartRunsOncePerJob) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    std::vector<int> calls(static_cast<std::size_t>(threads));
    for (int job = 0; job < 1000; ++job) pool.run([&](int part) { ++calls[static_cast<std::size_t>(part)]; });
    for (const int count : calls) EXPECT_EQ(count, 1000) << threads << " threads";
  }
}

TEST(ThreadPool, EveryItemIsDoneOnceByWorkersOfTheirOwn) {
  constexpr std::int64_t kItems = 97;
  ThreadPool pool(4);
  std::vector<int> busy(4), done(kItems);  // plain: a worker never runs twice at once, an item has one owner
  for (int job = 0; job < 500; ++job) {
    pool.share(kItems, [&](int worker, std::int64_t item) {
      EXPECT_EQ(++busy[static_cast<std::size_t>(worker)], 1);
      ++done[static_cast<std::size_t>(item)];
      --busy[static_cast<std::size_t>(worker)];
    });
    pool.share(0, [&](int, std::int64_t) { ADD_FAILURE() << "no items, no calls"; });
  }
  EXPECT_EQ(done, std::vector<int>(kItems, 500));
}

// One item holds its worker up; the others finish everything else meanwhile.
TEST(ThreadPool, ABusyWorkerHoldsUpOnlyItsItem) {
  ThreadPool pool(2);
  std::atomic<int> others{0};
  pool.share(50, [&](int, std::int64_t item) {
    if (item != 0) {
      ++others;
      return;
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (others.load() != 49 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    EXPECT_EQ(others.load(), 49);
  });
}

TEST(ThreadPool, WhatAJobWroteIsSeenByTheNext) {
  ThreadPool pool(3);
  std::vector<std::int64_t> a(300, 1), b(300);
  for (int round = 0; round < 500; ++round) {
    pool.split(300, [&](int, std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        b[static_cast<std::size_t>(i)] = a[static_cast<std::size_t>(299 - i)] + 1;
    });
    std::swap(a, b);
  }
  EXPECT_EQ(std::accumulate(a.begin(), a.end(), std::int64_t{0}), 300 * 501);
}

TEST(ThreadPool, SplitCoversEachItemOnce) {
  ThreadPool pool(4);
  for (const std::int64_t count : {0, 1, 3, 4, 5, 1001}) {
    std::vector<int> hits(static_cast<std::size_t>(count));
    pool.split(count, [&](int, std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) ++hits[static_cast<std::size_t>(i)];
    });
    EXPECT_EQ(hits, std::vector<int>(static_cast<std::size_t>(count), 1));
  }
}

TEST(ThreadPool, WakesWorkersThatParked) {
  ThreadPool pool(2);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::atomic<int> ran{0};
    pool.run([&](int) { ++ran; });
    EXPECT_EQ(ran.load(), 2);
  }
}

TEST(ThreadPool, ThereIsACoreToRunOn) {
  EXPECT_GE(available_cores(), 1);
}

}  // namespace
}  // namespace atelier
