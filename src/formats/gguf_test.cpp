// What a GGUF file says is what is read: values, shapes, real files.
#include "formats/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_data.h"
#include "formats/dequantise.h"
#include "formats/gguf_writer_for_tests.h"

namespace atelier::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::span<const std::byte> bytes_of(const GgufWriterForTests& file) {
  return std::as_bytes(std::span(file.bytes()));
}

TEST(Gguf, ReadsEveryKindOfMetadata) {
  const GgufWriterForTests written = tiny_gguf();
  const auto file = GgufFile::parse(bytes_of(written));
  ASSERT_TRUE(file) << file.error().message;
  const GgufFile& gguf = **file;
  EXPECT_EQ(gguf.version(), 3);
  EXPECT_EQ(gguf.file_bytes(), static_cast<std::int64_t>(written.bytes().size()));
  EXPECT_EQ(gguf.string("general.architecture"), "qwen2");
  EXPECT_EQ(gguf.integer("t.u8"), 200);
  EXPECT_EQ(gguf.integer("t.i8"), -100);
  EXPECT_EQ(gguf.integer("t.u16"), 60000);
  EXPECT_EQ(gguf.integer("t.i16"), -30000);
  EXPECT_EQ(gguf.integer("t.u32"), 4000000000);
  EXPECT_EQ(gguf.integer("t.i32"), -2000000000);
  EXPECT_EQ(gguf.number("t.f32"), 0.5);
  EXPECT_EQ(gguf.boolean("t.bool"), true);
  EXPECT_EQ(gguf.integer("t.i64"), -5);
  EXPECT_EQ(gguf.number("t.f64"), 1e300);
  EXPECT_EQ(std::get<std::uint64_t>(*gguf.metadata("t.u64")), 18446744073709551615u);
  EXPECT_EQ(gguf.integer("t.u64"), std::nullopt) << "does not fit";
  EXPECT_EQ(gguf.number("t.u8"), 200.0) << "integers count as numbers";
  ASSERT_NE(gguf.strings("tokenizer.ggml.tokens"), nullptr);
  EXPECT_THAT(*gguf.strings("tokenizer.ggml.tokens"),
              ElementsAre("a", "", "longer than a short string's buffer"));
  EXPECT_THAT(std::get<std::vector<std::int64_t>>(*gguf.metadata("t.numbers")), ElementsAre(1, -2, 3, -4));
  EXPECT_THAT(std::get<std::vector<double>>(*gguf.metadata("t.reals")), ElementsAre(1.5, -2.5));
  EXPECT_EQ(gguf.all_metadata().size(), 16u);
  EXPECT_EQ(gguf.all_metadata().back().first, "general.alignment");
}

TEST(Gguf, LooksUpByTypeOrNotAtAll) {
  const GgufWriterForTests written = tiny_gguf(2);
  const auto file = GgufFile::parse(bytes_of(written));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ((*file)->version(), 2);
  EXPECT_EQ((*file)->metadata("absent"), nullptr);
  EXPECT_EQ((*file)->integer("absent"), std::nullopt);
  EXPECT_EQ((*file)->integer("general.architecture"), std::nullopt);
  EXPECT_EQ((*file)->string("t.u8"), std::nullopt);
  EXPECT_EQ((*file)->boolean("t.u8"), std::nullopt);
  EXPECT_EQ((*file)->number("t.bool"), std::nullopt);
  EXPECT_EQ((*file)->strings("t.numbers"), nullptr);
}

TEST(Gguf, PlacesTensorsAsPyTorchPrintsThem) {
  const GgufWriterForTests written = tiny_gguf();
  const auto file = GgufFile::parse(bytes_of(written));
  ASSERT_TRUE(file) << file.error().message;
  const GgufFile& gguf = **file;
  ASSERT_EQ(gguf.tensors().size(), 4u);
  EXPECT_EQ(gguf.tensors()[0].name, "blk.0.q");
  EXPECT_THAT(gguf.tensors()[0].shape, ElementsAre(3, 64));
  EXPECT_EQ(gguf.tensors()[0].values(), 192);
  EXPECT_EQ(gguf.tensors()[0].bytes.size(), 108u);
  const TensorEntry* cube = gguf.find("cube");
  ASSERT_NE(cube, nullptr);
  EXPECT_EQ(cube->dtype, DType::kF16);
  EXPECT_THAT(cube->shape, ElementsAre(2, 2, 4));
  const TensorEntry* one = gguf.find("one");
  ASSERT_NE(one, nullptr);
  const std::span<const std::byte> all = bytes_of(written);
  EXPECT_EQ(one->bytes.data() + one->bytes.size(), all.data() + all.size()) << "the last bytes of the file";
  EXPECT_EQ(gguf.find("two"), nullptr);
  EXPECT_EQ(gguf.find(""), nullptr);
  gguf.release(*one);  // nothing to release here, and nothing breaks
}

TEST(Gguf, NamesFilesItCannotOpen) {
  const auto absent = GgufFile::open("tests/data/no-such.gguf");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().fault, Fault::kNotFound);
  EXPECT_THAT(absent.error().message, HasSubstr("no-such.gguf"));
  const auto other = GgufFile::open("CMakeLists.txt");
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message,
              testing::AllOf(HasSubstr("CMakeLists.txt"), HasSubstr("not a GGUF file")));
}

// The same weights by gguf-py in seven types: every tensor is there, and the first values are near those of
// F16.
TEST(Gguf, ReadsRealFilesOfEveryType) {
  const auto folder = test_data("golden/tiny/gguf");
  if (!folder) GTEST_SKIP() << "golden/tiny/gguf is not here";
  const auto exact = GgufFile::open(*folder / "qwen2-F16.gguf");
  ASSERT_TRUE(exact) << exact.error().message;
  const TensorEntry& wanted = *(*exact)->find("token_embd.weight");
  std::vector<float> reference(static_cast<std::size_t>(wanted.values()));
  dequantise(wanted.dtype, wanted.bytes, reference);
  for (const char* type : {"BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"}) {
    const auto file = GgufFile::open(*folder / (std::string("qwen2-") + type + ".gguf"));
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ((*file)->tensors().size(), (*exact)->tensors().size());
    const TensorEntry* entry = (*file)->find("token_embd.weight");
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->shape, wanted.shape);
    EXPECT_EQ(traits(entry->dtype).name, type);
    std::vector<float> values(reference.size());
    dequantise(entry->dtype, entry->bytes, values);
    double error = 0, size = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      error += (values[i] - reference[i]) * (values[i] - reference[i]);
      size += reference[i] * reference[i];
    }
    EXPECT_LT(error, 0.02 * size) << type;  // 4-bit rounding: about 1/(12·2^8) of the range squared per value
    (*file)->release(*entry);
    std::vector<float> again(values.size());
    dequantise(entry->dtype, entry->bytes, again);
    EXPECT_EQ(values, again) << "released pages come back";
  }
}

}  // namespace
}  // namespace atelier::formats
