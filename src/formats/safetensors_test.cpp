// One .safetensors file: what it says is what is read, and one that lies ends in a clear Failure. Runs under
// AddressSanitizer too, where a byte read outside the buffer ends the test.
#include "formats/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <random>

#include "base/test_data.h"

namespace atelier::formats {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string file_of(std::string header, std::size_t data_bytes, bool pad = true) {
  while (pad && header.size() % 8 != 0) header += ' ';
  const std::uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), 8);
  file += header;
  for (std::size_t i = 0; i < data_bytes; ++i) file += static_cast<char>(i * 37 + 11);
  return file;
}

// Two tensors of 16 and 12 bytes, one of no values, one scalar.
const std::string kHeader =
    R"({"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
    R"("b":{"dtype":"BF16","shape":[3,2],"data_offsets":[16,28]},"none":{"dtype":"F16","shape":[0,7],)"
    R"("data_offsets":[28,28]},"one":{"dtype":"F16","shape":[],"data_offsets":[28,30]}})";

// The bytes in a heap block of exactly their size, so that the sanitizer sees the first byte beyond.
Result<std::vector<TensorEntry>> parse_exactly(std::string_view bytes) {
  static std::unique_ptr<char[]> block;
  block = std::make_unique_for_overwrite<char[]>(bytes.size());
  std::ranges::copy(bytes, block.get());
  return parse_safetensors(std::as_bytes(std::span(block.get(), bytes.size())));
}

std::string refusal(const std::string& header, std::size_t data_bytes) {
  const auto parsed = parse_exactly(file_of(header, data_bytes));
  return parsed ? "accepted" : parsed.error().message;
}

void expect_clear(const Result<std::vector<TensorEntry>>& parsed, const std::string& what) {
  if (!parsed) {
    EXPECT_TRUE(parsed.error().fault == Fault::kCorrupt || parsed.error().fault == Fault::kUnsupported)
        << what;
    EXPECT_GT(parsed.error().message.size(), 10u) << what;
    return;
  }
  for (const TensorEntry& entry : *parsed) {
    EXPECT_EQ(entry.bytes.size(), static_cast<std::size_t>(entry.values() * traits(entry.dtype).block_bytes))
        << what;
    for (const std::byte byte : entry.bytes) EXPECT_GE(std::to_integer<int>(byte), 0);
  }
}

TEST(Safetensors, ReadsTensorsInTheHeadersOrder) {
  const auto parsed = parse_exactly(file_of(kHeader, 30));
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->size(), 4u);
  const TensorEntry& a = parsed->at(0);
  EXPECT_EQ(a.name, "a.weight");
  EXPECT_EQ(a.dtype, DType::kF32);
  EXPECT_THAT(a.shape, ElementsAre(2, 2));
  EXPECT_EQ(a.bytes.size(), 16u);
  EXPECT_EQ(std::to_integer<int>(a.bytes[1]), 48);
  EXPECT_EQ(parsed->at(1).dtype, DType::kBF16);
  EXPECT_TRUE(parsed->at(2).bytes.empty());
  EXPECT_EQ(parsed->at(3).values(), 1);
  EXPECT_EQ(parsed->at(3).bytes.data(), parsed->at(1).bytes.data() + 12);
}

TEST(Safetensors, AnEmptyFileOfTensorsIsFine) {
  const auto parsed = parse_exactly(file_of("{}", 0));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_TRUE(parsed->empty());
}

TEST(HostileSafetensors, EveryTruncationIsRefused) {
  const std::string file = file_of(kHeader, 30);
  for (std::size_t length = 0; length < file.size(); ++length) {
    const auto parsed = parse_exactly(std::string_view(file).substr(0, length));
    ASSERT_FALSE(parsed) << "the first " << length << " bytes pass";
    EXPECT_EQ(parsed.error().fault, Fault::kCorrupt) << length;
  }
}

TEST(HostileSafetensors, EveryNumberTakesEveryEvilValue) {
  for (const std::string evil : {"0",
                                 "1",
                                 "2147483647",
                                 "2147483648",
                                 "2147483649",
                                 "4294967295",
                                 "4294967296",
                                 "4294967297",
                                 "9223372036854775807",
                                 "9223372036854775808",
                                 "18446744073709551615",
                                 "18446744073709551616",
                                 "-1",
                                 "1.5",
                                 "1e308",
                                 "1e999",
                                 "4611686018427387904",
                                 "null",
                                 "true",
                                 "\"1\"",
                                 "[1]",
                                 "{}"}) {
    for (std::size_t at = 0; at < kHeader.size(); ++at) {
      const bool starts =
          std::isdigit(kHeader[at]) != 0 && (kHeader[at - 1] == '[' || kHeader[at - 1] == ',');
      if (!starts) continue;
      std::size_t end = at;
      while (std::isdigit(kHeader[end]) != 0) ++end;
      const std::string header = kHeader.substr(0, at) + evil + kHeader.substr(end);
      expect_clear(parse_exactly(file_of(header, 30)), header);
    }
  }
}

TEST(HostileSafetensors, EveryHeaderLengthTakesEvilValues) {
  const std::string file = file_of(kHeader, 30);
  for (const std::uint64_t evil :
       {0ull, 1ull, 0x7fffffffull, 0x80000000ull, 0x80000001ull, 0xffffffffull, 0x100000000ull,
        0x100000001ull, 0x8000000000000000ull, 0xffffffffffffffffull, 0xfffffffffffffff8ull}) {
    std::string bytes = file;
    std::memcpy(bytes.data(), &evil, 8);
    const auto parsed = parse_exactly(bytes);
    EXPECT_FALSE(parsed) << evil;
    expect_clear(parsed, std::to_string(evil));
  }
}

TEST(HostileSafetensors, FlippedBits) {
  const std::string file = file_of(kHeader, 30);
  std::mt19937 random(2);
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = file;
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    }
    expect_clear(parse_exactly(bytes), "round " + std::to_string(round));
  }
}

// huggingface.co/rez0/safetensors-cpp-integer-overflow-poc: the product wraps to 4 values.
TEST(HostileSafetensors, ShapesThatWrapAreRefused) {
  EXPECT_THAT(
      refusal(R"({"w":{"dtype":"F32","shape":[4194305,4194305,211106198978564],"data_offsets":[0,16]}})", 16),
      AllOf(HasSubstr("'w'"), HasSubstr("2^62")));
}

TEST(HostileSafetensors, ExtentsMustFitAndFill) {
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"a":{"dtype":"F32","shape":[2],"data_offsets":)" + first +
           R"(},"b":{"dtype":"F32","shape":[2],"data_offsets":)" + second + "}}";
  };
  EXPECT_EQ(refusal(two("[8,16]", "[0,8]"), 16), "accepted") << "any order will do";
  EXPECT_THAT(refusal(two("[0,8]", "[8,16]"), 15), HasSubstr("truncated"));
  EXPECT_THAT(refusal(two("[0,8]", "[4,12]"), 12), HasSubstr("begins at byte 4 of the data"));
  EXPECT_THAT(refusal(two("[0,8]", "[12,20]"), 20), HasSubstr("the one before it ends at 8"));
  EXPECT_THAT(refusal(two("[0,8]", "[8,16]"), 20),
              HasSubstr("the tensors end at byte 16 of the data; the file has 20"));
  EXPECT_THAT(refusal(two("[0,8]", "[16,8]"), 16), HasSubstr("[16, 8)"));
  EXPECT_THAT(refusal(two("[0,8]", "[8,12]"), 12), HasSubstr("needs 8 bytes by its shape"));
  EXPECT_THAT(refusal(two("[0,8]", "[8]"), 16), HasSubstr("needs two data_offsets"));
  EXPECT_THAT(refusal(two("[0,8]", "[8,16,16]"), 16), HasSubstr("'b'"));
}

TEST(HostileSafetensors, TensorsMustBeAligned) {
  const std::string header = R"({"h":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},)"
                             R"("f":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})";
  EXPECT_THAT(refusal(header, 6), AllOf(HasSubstr("'f'"), HasSubstr("not a multiple")));
}

TEST(HostileSafetensors, EverythingTwiceIsRefused) {
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                      R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                      8),
              HasSubstr("two tensors are called 'a'"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}})", 4),
              HasSubstr("'a'"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}})", 4),
              HasSubstr("twice"));
  EXPECT_THAT(refusal(R"({"__metadata__":{},"__metadata__":{}})", 0), HasSubstr("twice"));
}

TEST(HostileSafetensors, OddHeadersAreRefused) {
  EXPECT_THAT(refusal("", 0), HasSubstr("no JSON object"));
  EXPECT_THAT(refusal(" {}", 0), HasSubstr("no JSON object"));
  EXPECT_THAT(refusal("[]", 0), HasSubstr("no JSON object"));
  EXPECT_THAT(refusal("{} {}", 0), HasSubstr("after its object's end"));
  EXPECT_THAT(refusal("{\"a\":", 0), HasSubstr("invalid JSON"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F32","shape":[1]}})", 4), HasSubstr("lacks one of"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", 4), HasSubstr("'a'"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":{"x":1},"shape":[1],"data_offsets":[0,4]}})", 4), HasSubstr("'a'"));
  EXPECT_THAT(refusal(R"({"a\n":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4),
              HasSubstr("printable"));
  EXPECT_THAT(refusal(R"({"__metadata__":{"a":{"b":{}}}})", 0), HasSubstr("object where none belongs"));
  EXPECT_NE(refusal(std::string(1000, '{'), 0), "accepted");
  std::string deep = R"({"a":)";
  for (int i = 0; i < 100000; ++i) deep += "[";
  EXPECT_NE(refusal(deep, 0), "accepted");
}

TEST(HostileSafetensors, QuantisedTypesAreNamed) {
  for (const std::string type : {"I32", "I64", "F8_E4M3", "U8", "BOOL", "F64"}) {
    const std::string header =
        R"({"layer.qweight":{"dtype":")" + type + R"(","shape":[1],"data_offsets":[0,8]}})";
    const auto parsed = parse_exactly(file_of(header, 8));
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().fault, Fault::kUnsupported);
    EXPECT_THAT(parsed.error().message,
                AllOf(HasSubstr("'layer.qweight'"), HasSubstr(type), HasSubstr("GPTQ")));
  }
}

// huggingface.co/Damir2024/Malicious-safetensor-poc: a header of very many empty tensors.
TEST(HostileSafetensors, AHeaderFullOfTensorsIsCheapToRefuse) {
  std::string header = "{";
  for (int i = 0; i < 200000; ++i) {
    header +=
        (i == 0 ? "\"" : ",\"") + std::to_string(i) + R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(refusal(header + "}", 0), HasSubstr("limit"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

TEST(Safetensors, ReadsAdaptersAsPublished) {
  const auto path = test_data("golden/tiny/lora-r4-qv/adapter_model.safetensors");
  if (!path) GTEST_SKIP() << "golden/tiny/lora-r4-qv is not here";
  const std::string bytes = read_file(*path);
  const auto parsed = parse_exactly(bytes);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->size(), 16u);  // 4 layers x (q, v) x (A, B)
}

}  // namespace
}  // namespace atelier::formats
