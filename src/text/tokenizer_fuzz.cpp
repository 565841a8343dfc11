// Any bytes go through a small tokenizer and come back; any bytes taken as a tokenizer's data are refused or
// work.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"
#include "text/unicode_nfc.h"
#include "text/unicode_utf8.h"

namespace atelier::text {
namespace {

std::string letter_of(int byte) {
  static const auto printable = [](int b) { return (b > 0x20 && b < 0x7f) || (b > 0xa0 && b != 0xad); };
  int character = printable(byte) ? byte : 0x100;
  for (int lower = 0; character >= 0x100 && lower < byte; ++lower) character += !printable(lower);
  std::string out;
  append_utf8(static_cast<char32_t>(character), out);
  return out;
}

const Tokenizer& built_in(PreTokenizer kind, bool nfc) {
  static const auto make = [](int which) {
    TokenizerData data{.pre_tokenizer = static_cast<PreTokenizer>(which & 3), .nfc = which >= 4};
    for (int byte = 0; byte < 256; ++byte) data.tokens.push_back(letter_of(byte));
    for (const char* merge : {"a a", "aa aa", "Ġ a", "e r", "Ã ©", "Ġ Ġ", "ĠĠ ĠĠ", "Ì ģ"}) {
      std::string joined = merge;
      joined.erase(joined.find(' '), 1);
      data.merges.emplace_back(merge);
      data.tokens.push_back(joined);
    }
    data.specials = {{264, "<|a|>", true}, {265, "<|a", true}, {266, "<t>", false}, {267, "é", true}};
    return Tokenizer::create(std::move(data)).value();
  };
  static const Tokenizer all[8] = {make(0), make(1), make(2), make(3), make(4), make(5), make(6), make(7)};
  return all[static_cast<int>(kind) + (nfc ? 4 : 0)];
}

void check_round_trip(const Tokenizer& tokenizer, std::string_view bytes, Specials specials, bool nfc) {
  const std::string text = replace_invalid_utf8(bytes);
  const auto ids = tokenizer.encode(bytes, specials);
  const std::string back = tokenizer.decode(ids);
  if (nfc) {
    ATELIER_CHECK(is_valid_utf8(back));  // not equal: specials and words compose apart
  } else {
    ATELIER_CHECK(back == text);
  }
  StreamDecoder decoder(tokenizer, {.stop = {}, .include_stop = false, .skip_special_tokens = false});
  std::string streamed;
  for (const TokenId id : ids) {
    const std::string part = decoder.feed(id);
    ATELIER_CHECK(is_valid_utf8(part));
    streamed += part;
  }
  ATELIER_CHECK(streamed + decoder.finish() == back);
}

// Fields are cut from the front of the input; what is left is encoded.
class Fields {
 public:
  explicit Fields(std::string_view rest) : rest_(rest) {}
  int byte() {
    if (rest_.empty()) return 0;
    const int value = static_cast<unsigned char>(rest_[0]);
    rest_.remove_prefix(1);
    return value;
  }
  std::string string() {
    const std::size_t size = std::min<std::size_t>(byte() % 12, rest_.size());
    std::string value(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return value;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

void check_any_data(std::string_view input) {
  Fields fields(input);
  TokenizerData data{.pre_tokenizer = static_cast<PreTokenizer>(fields.byte() % 4),
                     .nfc = fields.byte() % 2 == 0};
  data.ignore_merges = fields.byte() % 2 == 0;
  for (int count = fields.byte() % 32; count > 0; --count) data.tokens.push_back(fields.string());
  for (int count = fields.byte() % 8; count > 0; --count)
    data.merges.push_back(fields.string() + " " + fields.string());
  for (int count = fields.byte() % 4; count > 0; --count) {
    const TokenId id = fields.byte() - 8;
    data.specials.push_back({id, fields.string(), fields.byte() % 2 == 0});
  }
  data.bos = fields.byte() % 40 - 2;
  data.stop_ids = {fields.byte() % 40 - 2};
  const auto tokenizer = Tokenizer::create(std::move(data));
  if (!tokenizer) {
    ATELIER_CHECK(!tokenizer.error().message.empty());
    return;
  }
  for (const TokenId id : tokenizer->encode(fields.rest(), Specials::kParse)) {
    ATELIER_CHECK(id >= 0 && id < tokenizer->size() && !tokenizer->bytes(id).empty());
  }
}

}  // namespace
}  // namespace atelier::text

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace atelier::text;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool nfc = (data[0] & 4) != 0;
  if ((data[0] & 16) != 0) {
    check_any_data(bytes);
  } else {
    const auto specials = (data[0] & 8) != 0 ? Specials::kParse : Specials::kAsText;
    check_round_trip(built_in(static_cast<PreTokenizer>(data[0] & 3), nfc), bytes, specials, nfc);
  }
  return 0;
}
