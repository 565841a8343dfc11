#include "text/bpe_vocabulary.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

namespace atelier::text {
namespace {

// Byte of each character of the alphabet (all below U+0144); -1: not in it. GPT-2's rule: printable Latin-1
// bytes stand for themselves, the rest take U+0100 and up in order.
constexpr int kAlphabetEnd = 0x144;
constexpr std::array<std::int16_t, kAlphabetEnd> byte_of_character() {
  std::array<std::int16_t, kAlphabetEnd> table{};
  table.fill(-1);
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
    table[printable ? byte : next++] = static_cast<std::int16_t>(byte);
  }
  return table;
}
constexpr auto kByteOfCharacter = byte_of_character();

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <class T>
std::uint64_t load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// A multiply-and-fold hash; 16 bytes a step. Only look-ups see foreign text, so nobody can fill the table.
std::uint64_t hash_of(std::string_view bytes) {
  constexpr std::uint64_t kFirst = 0x9e3779b97f4a7c15, kSecond = 0xd1b54a32d192ed03;
  std::uint64_t hash = kFirst ^ bytes.size();
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left > 16; at += 16, left -= 16)
    hash = mix(load<std::uint64_t>(at) ^ kSecond, load<std::uint64_t>(at + 8) ^ hash);
  if (left >= 8) return mix(load<std::uint64_t>(at) ^ kSecond, load<std::uint64_t>(at + left - 8) ^ hash);
  std::uint64_t tail = 0;  // the ends overlap: no loop over single bytes
  if (left >= 4) {
    tail = load<std::uint32_t>(at) << 32 | load<std::uint32_t>(at + left - 4);
  } else if (left > 0) {
    tail = load<std::uint8_t>(at) << 16 | load<std::uint8_t>(at + left / 2) << 8 |
           load<std::uint8_t>(at + left - 1);
  }
  return mix(tail ^ kSecond, hash);
}

}  // namespace

bool append_spelled_bytes(std::string_view spelled, std::string& out) {
  const std::size_t before = out.size();
  for (std::size_t at = 0; at < spelled.size(); ++at) {
    unsigned character = static_cast<unsigned char>(spelled[at]);
    if (character >= 0x80) {
      const bool two_bytes = character >= 0xc2 && at + 1 < spelled.size() && (spelled[at + 1] & 0xc0) == 0x80;
      character = two_bytes ? (character & 0x3f) << 6 | (spelled[at + 1] & 0x3f) : kAlphabetEnd;
      ++at;
    }
    if (character >= kAlphabetEnd || kByteOfCharacter[character] < 0) {
      out.resize(before);
      return false;
    }
    out += static_cast<char>(kByteOfCharacter[character]);
  }
  return true;
}

Result<BpeVocabulary> BpeVocabulary::create(const std::vector<std::string>& spelled,
                                            const std::vector<SpecialToken>& specials) {
  std::size_t total = 0;
  for (const std::string& token : spelled) total += token.size();
  for (const SpecialToken& special : specials) total += special.text.size();
  if (total > std::numeric_limits<std::uint32_t>::max()) {
    return fail(Fault::kCorrupt, "the tokenizer's tokens have {} bytes; the limit is 4 GiB", total);
  }
  std::vector<const std::string*> special_texts(spelled.size(), nullptr);
  for (const SpecialToken& special : specials) special_texts[special.id] = &special.text;

  BpeVocabulary made;
  made.blob_.reserve(total);
  made.starts_.reserve(spelled.size() + 1);
  made.starts_.push_back(0);
  made.slots_.resize(std::bit_ceil(std::max<std::size_t>(16, spelled.size() + spelled.size() / 2)));
  for (std::size_t id = 0; id < spelled.size(); ++id) {
    bool found_by_bytes = append_spelled_bytes(spelled[id], made.blob_);
    if (!found_by_bytes) made.blob_ += spelled[id];
    if (const std::string* text = special_texts[id]; text != nullptr) {
      found_by_bytes = found_by_bytes && std::string_view(made.blob_).substr(made.starts_[id]) == *text;
      made.blob_.resize(made.starts_[id]);
      made.blob_ += *text;
    }
    made.starts_.push_back(static_cast<std::uint32_t>(made.blob_.size()));
    if (found_by_bytes && !spelled[id].empty()) made.index(static_cast<TokenId>(id));
  }
  return made;
}

void BpeVocabulary::index(TokenId id) {
  const std::string_view token = bytes(id);
  const std::uint64_t hash = hash_of(token);
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    Slot& slot = slots_[at];
    if (slot.id < 0 || (slot.tag == tag && bytes(slot.id) == token)) {
      slot = {tag, id};
      return;
    }
  }
}

TokenId BpeVocabulary::find(std::string_view token) const {
  const std::uint64_t hash = hash_of(token);
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask; slots_[at].id >= 0; at = (at + 1) & mask) {
    if (slots_[at].tag == tag && bytes(slots_[at].id) == token) return slots_[at].id;
  }
  return -1;
}

std::string_view BpeVocabulary::bytes(TokenId id) const {
  if (id < 0 || id >= size()) return {};
  return std::string_view(blob_).substr(starts_[id], starts_[id + 1] - starts_[id]);
}

}  // namespace atelier::text
