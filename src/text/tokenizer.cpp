#include "text/tokenizer.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <unordered_map>
#include <utility>

#include "text/bpe_merges.h"
#include "text/bpe_vocabulary.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_specials.h"
#include "text/unicode_nfc.h"
#include "text/unicode_utf8.h"

namespace atelier::text {
namespace {

constexpr std::size_t kMaxTokens = 1u << 24;
constexpr TokenId kMaxSpecialsBeyond = 65536;  // ids that specials may claim past the vocabulary
constexpr std::size_t kMaxSpecialBytes = 1024;

Status check_specials(const TokenizerData& data);
Status check_ends(const TokenizerData& data);

// What joining makes of a token's own bytes; found out when first asked.
using Reached = std::uint8_t;
constexpr Reached kUnknown = 0, kItself = 1, kOthers = 2;

}  // namespace

struct Tokenizer::Tables {
  TokenizerData data;
  BpeVocabulary vocabulary;
  BpeMerges merges;
  SpecialMatcher all_added;                                   // Specials::kParse
  SpecialMatcher added_as_text;                               // Specials::kAsText
  std::unordered_map<std::string_view, TokenId> special_ids;  // into data.specials
  std::vector<bool> special;                                  // by id
  std::unique_ptr<std::atomic<Reached>[]> reached;            // by id; any thread may fill in the same answer

  void append_segment(std::string_view text, std::vector<TokenId>& out) const;
  void append_word(std::string_view word, std::vector<TokenId>& out) const;
};

Result<Tokenizer> Tokenizer::create(TokenizerData data) {
  if (data.tokens.empty() || data.tokens.size() > kMaxTokens) {
    return fail(Fault::kCorrupt, "the tokenizer has {} tokens; 1 to {} are possible", data.tokens.size(),
                kMaxTokens);
  }
  ATELIER_TRY_STATUS(check_specials(data));
  TokenId size = 0;  // the padding at the end does not count
  for (std::size_t id = 0; id < data.tokens.size(); ++id) {
    if (!data.tokens[id].empty()) size = static_cast<TokenId>(id) + 1;
  }
  for (const SpecialToken& special : data.specials) size = std::max(size, special.id + 1);
  data.tokens.resize(size);
  ATELIER_TRY_STATUS(check_ends(data));

  ATELIER_TRY(BpeVocabulary vocabulary, BpeVocabulary::create(data.tokens, data.specials));
  ATELIER_TRY(BpeMerges merges, BpeMerges::create(data.merges, vocabulary));
  std::vector<SpecialToken> as_text;
  std::ranges::copy_if(data.specials, std::back_inserter(as_text), [](const auto& s) { return !s.special; });
  SpecialMatcher all_added(data.specials);
  auto tables = std::make_unique<Tables>(Tables{std::move(data),
                                                std::move(vocabulary),
                                                std::move(merges),
                                                std::move(all_added),
                                                SpecialMatcher(std::move(as_text)),
                                                {},
                                                std::vector<bool>(size),
                                                std::make_unique<std::atomic<Reached>[]>(size)});
  for (const SpecialToken& special : tables->data.specials) {
    tables->special_ids.emplace(special.text, special.id);
    tables->special[special.id] = special.special;
  }
  return Tokenizer(std::move(tables));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, Specials specials) const {
  std::string repaired;
  if (!is_valid_utf8(text)) text = repaired = replace_invalid_utf8(text);
  const SpecialMatcher& matcher = specials == Specials::kParse ? tables_->all_added : tables_->added_as_text;
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 3);
  for (std::size_t at = 0; at < text.size();) {
    const SpecialMatcher::Match match = matcher.find(text, at);
    tables_->append_segment(text.substr(at, match.at - at), ids);
    if (match.at == std::string_view::npos) break;
    ids.push_back(match.id);
    at = match.at + match.bytes;
  }
  return ids;
}

void Tokenizer::Tables::append_segment(std::string_view text, std::vector<TokenId>& out) const {
  std::string composed;
  if (data.nfc) text = to_nfc(text, composed);
  WordScanner scanner(data.pre_tokenizer, text);
  for (std::string_view word = scanner.next(); !word.empty(); word = scanner.next()) append_word(word, out);
}

// Most words are tokens, and nearly every token is what joining its bytes comes to: then one look-up does.
void Tokenizer::Tables::append_word(std::string_view word, std::vector<TokenId>& out) const {
  const TokenId whole = vocabulary.find(word);
  if (whole < 0) return merges.append_tokens(word, out);
  Reached known = data.ignore_merges ? kItself : reached[whole].load(std::memory_order_relaxed);
  if (known == kItself) return out.push_back(whole);
  const std::size_t before = out.size();
  merges.append_tokens(word, out);
  if (known == kUnknown) {
    known = out.size() == before + 1 && out.back() == whole ? kItself : kOthers;
    reached[whole].store(known, std::memory_order_relaxed);
  }
}

std::string_view Tokenizer::bytes(TokenId id) const {
  return tables_->vocabulary.bytes(id);
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special_tokens) const {
  std::string text;
  for (const TokenId id : ids) {
    if (!skip_special_tokens || !is_special(id)) text += bytes(id);
  }
  return is_valid_utf8(text) ? text : replace_invalid_utf8(text);
}

TokenId Tokenizer::size() const {
  return tables_->vocabulary.size();
}

bool Tokenizer::is_special(TokenId id) const {
  return id >= 0 && id < size() && tables_->special[id];
}

TokenId Tokenizer::id_of(std::string_view special_text) const {
  const auto found = tables_->special_ids.find(special_text);
  return found == tables_->special_ids.end() ? -1 : found->second;
}

const TokenizerData& Tokenizer::data() const {
  return tables_->data;
}

Tokenizer::Tokenizer(std::unique_ptr<Tables> tables) : tables_(std::move(tables)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

namespace {

Status check_specials(const TokenizerData& data) {
  const TokenId limit = static_cast<TokenId>(data.tokens.size()) + kMaxSpecialsBeyond;
  std::unordered_map<std::string_view, TokenId> by_text;
  std::unordered_map<TokenId, std::string_view> by_id;
  for (const auto& [id, text, special] : data.specials) {
    const std::string_view shown = std::string_view(text).substr(0, 100);
    if (id < 0 || id >= limit) {
      return fail(Fault::kCorrupt, "the special token \"{}\" has id {}; the vocabulary has {}", shown, id,
                  data.tokens.size());
    }
    if (text.empty() || text.size() > kMaxSpecialBytes) {
      return fail(Fault::kCorrupt, "the special token {} has {} bytes; 1 to {} are possible", id, text.size(),
                  kMaxSpecialBytes);
    }
    if (!is_valid_utf8(text)) {  // it would cut characters of the text in two
      return fail(Fault::kCorrupt, "the special token {} is not valid UTF-8", id);
    }
    if (!by_text.emplace(text, id).second) {
      return fail(Fault::kCorrupt, "the special token \"{}\" appears twice", shown);
    }
    if (const auto [other, fresh] = by_id.emplace(id, text); !fresh) {
      return fail(Fault::kCorrupt, "the special tokens \"{}\" and \"{}\" share the id {}",
                  other->second.substr(0, 100), shown, id);
    }
  }
  return {};
}

Status check_ends(const TokenizerData& data) {
  const auto outside = [&](TokenId id) { return id < 0 || id >= static_cast<TokenId>(data.tokens.size()); };
  const auto refuse = [&](const char* name, TokenId id) {
    return fail(Fault::kCorrupt, "the tokenizer's {} id is {}; the vocabulary has {}", name, id,
                data.tokens.size());
  };
  if (data.bos != -1 && outside(data.bos)) return refuse("bos", data.bos);
  if (data.eos != -1 && outside(data.eos)) return refuse("eos", data.eos);
  if (const auto bad = std::ranges::find_if(data.stop_ids, outside); bad != data.stop_ids.end()) {
    return refuse("stop", *bad);
  }
  return {};
}

}  // namespace
}  // namespace atelier::text
