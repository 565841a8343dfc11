#include "schedule/scheduler.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace atelier::schedule {
namespace {

constexpr SchedulerConfig kConfig = {.max_sequences = 4, .max_prompt_tokens = 10, .block_tokens = 4};

SequenceSpec spec(std::uint64_t id, std::int64_t prompt, std::int64_t output) {
  return {.id = SequenceId{id}, .prompt_tokens = prompt, .max_tokens = output};
}

// "id:position+tokens!" per slice; ! where the slice completes.
std::string words(const BatchPlan& plan) {
  std::string out;
  for (const Slice& slice : plan.slices) {
    out += fmt::format("{}{}:{}+{}{}", out.empty() ? "" : " ", static_cast<std::uint64_t>(slice.id),
                       slice.position, slice.tokens, slice.completes ? "!" : "");
  }
  return out;
}

// Carries the plan out as the engine would: one more token of each sequence that completed.
std::string run(Scheduler& scheduler) {
  const BatchPlan plan = scheduler.next_batch();
  scheduler.commit(plan);
  for (const Slice& slice : plan.slices) {
    if (slice.completes) scheduler.append(slice.id);
  }
  return words(plan);
}

TEST(Scheduler, PromptFirstThenTokenByToken) {
  cache::BlockPool pool(8);
  Scheduler scheduler(kConfig, pool);
  EXPECT_TRUE(scheduler.next_batch().empty());
  scheduler.add(spec(1, 5, 3));
  EXPECT_EQ(run(scheduler), "1:0+5!");
  EXPECT_EQ(run(scheduler), "1:5+1!");
  EXPECT_EQ(pool.used(), 2);
  scheduler.remove(SequenceId{1});
  EXPECT_EQ(pool.used(), 0);
  EXPECT_TRUE(scheduler.next_batch().empty());
}

TEST(Scheduler, LongPromptsEnterInPartsWhileOthersGenerate) {
  cache::BlockPool pool(32);
  Scheduler scheduler(kConfig, pool);
  scheduler.add(spec(1, 2, 20));
  EXPECT_EQ(run(scheduler), "1:0+2!");
  scheduler.add(spec(2, 25, 5));
  EXPECT_EQ(run(scheduler), "1:2+1! 2:0+10");
  scheduler.add(spec(3, 3, 5));
  scheduler.add(spec(4, 40, 5));
  EXPECT_EQ(run(scheduler), "1:3+1! 2:10+5 3:0+3! 4:0+2");
  EXPECT_EQ(run(scheduler), "1:4+1! 2:15+5 3:3+1! 4:2+5");
  EXPECT_EQ(run(scheduler), "1:5+1! 2:20+5! 3:4+1! 4:7+5");
  EXPECT_EQ(run(scheduler), "1:6+1! 2:25+1! 3:5+1! 4:12+10");
}

TEST(Scheduler, TheOldestPromptDoesNotStarve) {
  cache::BlockPool pool(1000);
  Scheduler scheduler({.max_sequences = 100, .max_prompt_tokens = 10, .block_tokens = 4}, pool);
  scheduler.add(spec(1, 40, 1));
  std::uint64_t next = 2;
  for (int step = 0; step < 7; ++step) {
    scheduler.add(spec(next++, 5, 10));
    run(scheduler);
  }
  scheduler.add(spec(next++, 5, 10));
  EXPECT_EQ(run(scheduler).substr(0, 7), "1:35+5!");
}

TEST(Scheduler, ReservesTheWholePossibleLength) {
  cache::BlockPool pool(8);  // 32 tokens
  Scheduler scheduler(kConfig, pool);
  scheduler.add(spec(1, 4, 12));
  scheduler.add(spec(2, 4, 17));  // 6 blocks: only 4 are left
  scheduler.add(spec(3, 1, 1));   // would fit, but waits its turn
  EXPECT_EQ(run(scheduler), "1:0+4!");
  EXPECT_EQ(scheduler.waiting(), 2);
  EXPECT_EQ(pool.used(), 4);
  scheduler.remove(SequenceId{1});
  EXPECT_EQ(run(scheduler), "2:0+4! 3:0+1!");
}

TEST(Scheduler, KnowsWhatCanNeverFit) {
  cache::BlockPool pool(4);
  Scheduler scheduler(kConfig, pool);
  EXPECT_TRUE(scheduler.can_ever_fit(1, 15));
  EXPECT_FALSE(scheduler.can_ever_fit(2, 15));
}

TEST(Scheduler, BoundsHowManyRun) {
  cache::BlockPool pool(100);
  Scheduler scheduler(kConfig, pool);
  for (std::uint64_t id = 1; id <= 6; ++id) scheduler.add(spec(id, 1, 4));
  EXPECT_EQ(run(scheduler), "1:0+1! 2:0+1! 3:0+1! 4:0+1!");
  scheduler.remove(SequenceId{2});
  scheduler.remove(SequenceId{5});  // while it waits
  EXPECT_EQ(run(scheduler), "1:1+1! 3:1+1! 4:1+1! 6:0+1!");
}

TEST(Scheduler, BlockTablesCoverEveryToken) {
  cache::BlockPool pool(100);
  Scheduler scheduler(kConfig, pool);
  scheduler.add(spec(1, 7, 2));
  run(scheduler);
  EXPECT_EQ(scheduler.blocks(SequenceId{1}).size(), 3u);
}

// Random arrivals, ends and cancellations: everyone is served in order of arrival, nobody runs out, and no
// step holds more than it may.
TEST(Scheduler, ServesEveryoneUnderRandomLoad) {
  cache::BlockPool pool(16);
  Scheduler scheduler(kConfig, pool);
  std::mt19937 random(11);
  std::map<std::uint64_t, std::int64_t> left;  // output tokens still to come
  std::uint64_t next_id = 1, last_admitted = 0;
  for (int step = 0; step < 5000; ++step) {
    if (step < 4000 && random() % 12 == 0) {
      const std::int64_t prompt = 1 + random() % 40, output = 1 + random() % 24;
      scheduler.add(spec(next_id, prompt, output));
      left[next_id++] = output;
    }
    if (!left.empty() && random() % 20 == 0) {
      const auto victim = std::next(left.begin(), random() % left.size());
      scheduler.remove(SequenceId{victim->first});
      left.erase(victim);
    }
    const BatchPlan plan = scheduler.next_batch();
    ASSERT_EQ(plan.empty(), left.empty());
    scheduler.commit(plan);
    std::int64_t prompt_tokens = 0;
    for (const Slice& slice : plan.slices) {
      const auto id = static_cast<std::uint64_t>(slice.id);
      if (slice.position == 0) {
        ASSERT_GE(id, last_admitted);
        last_admitted = id;
      }
      if (slice.tokens > 1) prompt_tokens += slice.tokens;
      ASSERT_GE(std::ssize(scheduler.blocks(slice.id)) * 4, slice.position + slice.tokens);
      if (!slice.completes) continue;
      if (--left[id] == 0) {
        scheduler.remove(slice.id);
        left.erase(id);
      } else {
        scheduler.append(slice.id);
      }
    }
    ASSERT_LE(prompt_tokens, kConfig.max_prompt_tokens);
  }
  EXPECT_TRUE(left.empty());
  EXPECT_EQ(pool.used(), 0);
}

}  // namespace
}  // namespace atelier::schedule
