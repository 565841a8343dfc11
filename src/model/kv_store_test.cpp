#include "model/kv_store.h"

#include <gtest/gtest.h>

namespace atelier::model {
namespace {

ModelConfig shape(std::int64_t head_dim) {
  return {.architecture = "qwen2",
          .name = "tiny",
          .layers = 24,
          .heads = 14,
          .kv_heads = 2,
          .head_dim = head_dim};
}

TEST(KvStore, TakesTheBytesOfItsElements) {
  for (const std::int64_t dim : {32, 64, 128}) {
    const std::int64_t values = 2 * 24 * 2 * dim * kernels::kBlockTokens;
    EXPECT_EQ(KvStore::bytes_per_block(shape(dim), DType::kF32), values * 4);
    EXPECT_EQ(KvStore::bytes_per_block(shape(dim), DType::kF16), values * 2);
    EXPECT_EQ(KvStore::bytes_per_block(shape(dim), DType::kQ8_0), values + values / 32 * 2);
  }
}

TEST(KvStore, LayersHeadsAndBlocksDoNotOverlap) {
  KvStore store(shape(64), DType::kQ8_0, 40);
  const kernels::KvLayer first = store.layer(0), second = store.layer(1);
  const std::int64_t half = 64 * 32 + 64 / 32 * 32 * 2;
  EXPECT_EQ(first.values - first.keys, half);
  EXPECT_EQ(first.block_bytes, 2 * half);
  EXPECT_EQ(first.head_bytes, kernels::kRunBlocks * first.block_bytes);
  EXPECT_EQ(second.keys - first.keys, 2 * first.head_bytes);
  EXPECT_EQ(first.run_bytes, 24 * 2 * first.head_bytes);
  EXPECT_EQ(store.bytes(), 3 * first.run_bytes);
  EXPECT_EQ(half % 64, 0);
}

TEST(KvStore, RefusesInt8ForHeadsThatAreNoMultipleOf32) {
  EXPECT_TRUE(check_kv(shape(64), KvKind::kInt8));
  EXPECT_TRUE(check_kv(shape(96), KvKind::kInt8));
  EXPECT_TRUE(check_kv(shape(80), KvKind::kAuto));
  const Status refused = check_kv(shape(80), KvKind::kInt8);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "--kv-cache-dtype");
  for (const char* word : {"80", "32", "float16"})
    EXPECT_NE(refused.error().message.find(word), std::string::npos) << refused.error().message;
}

}  // namespace
}  // namespace atelier::model
