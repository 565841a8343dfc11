#include "text/pre_tokenizer.h"

#include "text/unicode_classes.h"
#include "text/unicode_utf8.h"

namespace atelier::text {
namespace {

constexpr CharClasses kWordClasses = kLetter | kNumber | kSpace;  // at most one of them; none: "other"

struct Char {
  CharClasses classes;
  unsigned bytes;

  CharClasses kind() const { return classes & kWordClasses; }
};

Char read(const char* at) {
  const auto lead = static_cast<unsigned char>(*at);
  if (lead < 0x80) return {kAsciiClasses[lead], 1};
  const Utf8Char whole = read_valid_utf8(at);
  return {classes_of(whole.code_point), whole.bytes};
}

bool is_newline(char c) {
  return c == '\r' || c == '\n';
}

// Past the run of characters of one kind (kLetter, kNumber, kSpace, 0).
const char* run_end(const char* at, const char* end, CharClasses kind) {
  while (at < end) {
    const Char here = read(at);
    if (here.kind() != kind) break;
    at += here.bytes;
  }
  return at;
}

enum class Case { kAsWritten, kFolded };

// 's|'t|'re|'ve|'m|'ll|'d at an apostrophe; `at` itself where none stands there. Folding makes U+017F an s.
const char* contraction_end(const char* at, const char* end, Case letters) {
  const auto letter = [&](int i) {
    if (at + i >= end) return '\0';
    const char c = at[i];
    return letters == Case::kFolded && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  switch (letter(1)) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return at + 2;
    case 'r':
    case 'v':
      return letter(2) == 'e' ? at + 3 : at;
    case 'l':
      return letter(2) == 'l' ? at + 3 : at;
    case '\xc5':
      return letters == Case::kFolded && letter(2) == '\xbf' ? at + 3 : at;
    default:
      return at;
  }
}

// \s+(?!\S)|\s+ : a run of white space leaves its last character to what follows, unless it is alone.
const char* white_space_end(const char* at, const char* end) {
  const char* last = at;
  const char* past = at;
  while (past < end) {
    const Char here = read(past);
    if (here.kind() != kSpace) return last == at ? past : last;
    last = past;
    past += here.bytes;
  }
  return past;
}

// \s*[\r\n]+ : up to the last newline of the run; `at` itself where the run has none.
const char* lines_end(const char* at, const char* end) {
  const char* found = at;
  while (at < end) {
    const Char here = read(at);
    if (here.kind() != kSpace) break;
    at += here.bytes;
    if (is_newline(at[-1])) found = at;
  }
  return found;
}

const char* others_and_newlines_end(const char* at, const char* end) {
  at = run_end(at, end, 0);
  while (at < end && is_newline(*at)) ++at;
  return at;
}

const char* qwen2_end(const char* at, const char* end, int max_digits) {
  if (*at == '\'') {
    if (const char* past = contraction_end(at, end, Case::kFolded); past != at) return past;
  }
  const Char first = read(at);
  const char* second = at + first.bytes;
  if (first.kind() == kLetter) return run_end(second, end, kLetter);
  if (first.kind() == kNumber) {
    for (int digits = 1; digits < max_digits && second < end; ++digits) {
      const Char here = read(second);
      if (here.kind() != kNumber) break;
      second += here.bytes;
    }
    return second;
  }
  const bool more = second < end;
  const CharClasses following = more ? read(second).kind() : kSpace;
  if (following == kLetter && !is_newline(*at)) return run_end(second, end, kLetter);
  if (first.kind() == 0) return others_and_newlines_end(second, end);
  if (*at == ' ' && more && following == 0) return others_and_newlines_end(second, end);
  if (const char* past = lines_end(at, end); past != at) return past;
  return white_space_end(at, end);
}

const char* gpt2_end(const char* at, const char* end) {
  if (*at == '\'') {
    if (const char* past = contraction_end(at, end, Case::kAsWritten); past != at) return past;
  }
  const Char first = read(at);
  const char* second = at + first.bytes;
  if (first.kind() != kSpace) return run_end(second, end, first.kind());
  if (*at == ' ' && second < end) {
    if (const CharClasses following = read(second).kind(); following != kSpace) {
      return run_end(second, end, following);
    }
  }
  return white_space_end(at, end);
}

}  // namespace

std::string_view WordScanner::next() {
  if (at_ == end_) return {};
  const char* start = at_;
  switch (kind_) {
    case PreTokenizer::kQwen2:
      at_ = qwen2_end(at_, end_, 1);
      break;
    case PreTokenizer::kLlama3:
      at_ = qwen2_end(at_, end_, 3);
      break;
    case PreTokenizer::kGpt2:
      at_ = gpt2_end(at_, end_);
      break;
    case PreTokenizer::kSmollm:
      at_ = next_smollm();
      break;
  }
  return {start, at_};
}

const char* WordScanner::next_smollm() {
  if (at_ == piece_end_) {
    const Char first = read(at_);
    if ((first.classes & kDigit) != 0) return piece_end_ = at_ + first.bytes;
    while (piece_end_ < end_) {
      const Char here = read(piece_end_);
      if ((here.classes & kDigit) != 0) break;
      piece_end_ += here.bytes;
    }
  }
  return gpt2_end(at_, piece_end_);
}

}  // namespace atelier::text
