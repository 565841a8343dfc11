// Builds small GGUF files in memory and remembers where every count, length and extent stands, so that tests
// can patch them. For tests only.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::formats {

class GgufWriterForTests {
 public:
  struct Field {
    std::string what;
    std::size_t offset, width;
  };

  GgufWriterForTests(std::uint32_t version, std::uint64_t tensors, std::uint64_t pairs) {
    bytes_ = "GGUF";
    put(version, "version");
    put(tensors, "tensor count");
    put(pairs, "metadata count");
  }

  template <class T>
  void put(T value, const std::string& what = "") {
    if (!what.empty()) fields_.push_back({what, bytes_.size(), sizeof(T)});
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  void text(std::string_view value, const std::string& what) {
    put<std::uint64_t>(value.size(), what + " length");
    bytes_.append(value);
  }
  template <class T>
  void pair(std::string_view key, std::uint32_t type, T value) {
    text(key, std::string(key));
    put<std::uint32_t>(type, std::string(key) + " type");
    put(value);
  }
  void string_pair(std::string_view key, std::string_view value) {
    text(key, std::string(key));
    put<std::uint32_t>(8, std::string(key) + " type");
    text(value, std::string(key) + " value");
  }
  // Elements follow with put() or text().
  void array(std::string_view key, std::uint32_t type, std::uint64_t count) {
    text(key, std::string(key));
    put<std::uint32_t>(9, std::string(key) + " type");
    put<std::uint32_t>(type, std::string(key) + " element type");
    put<std::uint64_t>(count, std::string(key) + " count");
  }
  void tensor(std::string_view name, const std::vector<std::uint64_t>& extents, std::uint32_t type,
              std::uint64_t offset) {
    text(name, std::string(name));
    put<std::uint32_t>(static_cast<std::uint32_t>(extents.size()), std::string(name) + " dimensions");
    for (std::uint64_t extent : extents) put(extent, std::string(name) + " extent");
    put<std::uint32_t>(type, std::string(name) + " type");
    put(offset, std::string(name) + " offset");
  }
  void pad(std::size_t alignment) {
    while (bytes_.size() % alignment != 0) bytes_.push_back(0);
  }
  void data(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) bytes_.push_back(static_cast<char>(i * 37 + 11));
  }

  const std::string& bytes() const { return bytes_; }
  const std::vector<Field>& fields() const { return fields_; }

 private:
  std::string bytes_;
  std::vector<Field> fields_;
};

// Every kind of value, four tensors: [3, 64] Q4_0, [8] F32, [2, 2, 4] F16 and a one-value BF16.
inline GgufWriterForTests tiny_gguf(std::uint32_t version = 3) {
  GgufWriterForTests file(version, 4, 16);
  file.string_pair("general.architecture", "qwen2");
  file.pair<std::uint8_t>("t.u8", 0, 200);
  file.pair<std::int8_t>("t.i8", 1, -100);
  file.pair<std::uint16_t>("t.u16", 2, 60000);
  file.pair<std::int16_t>("t.i16", 3, -30000);
  file.pair<std::uint32_t>("t.u32", 4, 4000000000u);
  file.pair<std::int32_t>("t.i32", 5, -2000000000);
  file.pair<float>("t.f32", 6, 0.5f);
  file.pair<std::uint8_t>("t.bool", 7, 1);
  file.pair<std::uint64_t>("t.u64", 10, 18446744073709551615u);
  file.pair<std::int64_t>("t.i64", 11, -5);
  file.pair<double>("t.f64", 12, 1e300);
  file.array("tokenizer.ggml.tokens", 8, 3);
  for (const char* token : {"a", "", "longer than a short string's buffer"}) file.text(token, "token");
  file.array("t.numbers", 5, 4);
  for (std::int32_t number : {1, -2, 3, -4}) file.put(number);
  file.array("t.reals", 6, 2);
  for (float real : {1.5f, -2.5f}) file.put(real);
  file.pair<std::uint32_t>("general.alignment", 4, 32);
  file.tensor("blk.0.q", {64, 3}, 2, 0);   // 3 rows of 2 blocks of 18 bytes = 108
  file.tensor("norm", {8}, 0, 128);        // 32
  file.tensor("cube", {4, 2, 2}, 1, 160);  // 32
  file.tensor("one", {1}, 30, 192);        // 2
  file.pad(32);
  file.data(194);
  return file;
}

}  // namespace atelier::formats
