#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "load/request_body.h"
#include "load/workload.h"

namespace atelier::load {
namespace {

constexpr std::string_view kWords[] = {
    "time",  "year",   "people", "way",     "day",     "man",     "thing",    "woman",    "life",   "child",
    "world", "school", "state",  "family",  "student", "group",   "country",  "problem",  "hand",   "part",
    "place", "case",   "week",   "company", "system",  "program", "question", "work",     "number", "night",
    "point", "home",   "water",  "room",    "mother",  "area",    "money",    "story",    "fact",   "month",
    "lot",   "right",  "study",  "book",    "eye",     "job",     "word",     "business", "issue",  "side"};

using Random = std::mt19937_64;

std::int64_t spread(std::int64_t length, double ratio, Random& random) {
  const double middle = static_cast<double>(length);
  const auto least = static_cast<std::int64_t>(std::floor(middle * (1 - ratio)));
  const auto most = static_cast<std::int64_t>(std::ceil(middle * (1 + ratio)));
  return std::max<std::int64_t>(1, std::uniform_int_distribution<std::int64_t>(least, most)(random));
}

std::string_view any_word(Random& random) {
  return kWords[std::uniform_int_distribution<std::size_t>(0, std::size(kWords) - 1)(random)];
}

using Words = std::vector<std::string_view>;

std::string joined(const Words& words) {
  std::string text;
  for (const std::string_view word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

// Text that makes a chat prompt of exactly `tokens`, found by counting and correcting; as near as it comes in
// a few rounds where words are not one token each.
Result<std::string> chat_text(std::int64_t tokens, std::int64_t& frame_tokens, Random& random,
                              ServerTokenizer& tokenizer) {
  constexpr int kRounds = 6;
  Words words;
  std::int64_t want = std::max<std::int64_t>(1, tokens - frame_tokens);
  for (int round = 0; round < kRounds; ++round) {
    while (std::ssize(words) < want) words.push_back(any_word(random));
    words.resize(static_cast<std::size_t>(want));
    ATELIER_TRY(const std::int64_t counted, tokenizer.count_chat(joined(words)));
    if (counted == tokens) break;
    frame_tokens = counted - std::ssize(words);  // a better guess for the next prompt too
    want = std::max<std::int64_t>(1, std::ssize(words) + tokens - counted);
    if (want == std::ssize(words)) break;
  }
  return joined(words);
}

Result<std::vector<std::int32_t>> usual_ids(ServerTokenizer& tokenizer) {
  std::string text;
  for (const std::string_view word : kWords) text.append(" ").append(word);
  return tokenizer.encode(text);
}

}  // namespace

Result<std::vector<LoadRequest>> random_workload(const RequestShape& shape, const RandomLengths& lengths,
                                                 std::int64_t count, std::uint64_t seed,
                                                 std::optional<ServerTokenizer>& tokenizer) {
  Random random(seed);
  std::vector<std::int32_t> ids;
  if (tokenizer && !shape.chat) {
    ATELIER_TRY(ids, usual_ids(*tokenizer));
  }
  std::int64_t frame_tokens = 10;
  std::vector<LoadRequest> requests;
  for (std::int64_t i = 0; i < count; ++i) {
    LoadRequest request;
    request.input_tokens = spread(lengths.input_tokens, lengths.range_ratio, random);
    request.output_tokens = spread(lengths.output_tokens, lengths.range_ratio, random);
    if (!ids.empty()) {
      std::vector<std::int32_t> prompt(static_cast<std::size_t>(request.input_tokens));
      std::uniform_int_distribution<std::size_t> pick(0, ids.size() - 1);
      for (std::int32_t& id : prompt) id = ids[pick(random)];
      request.body = request_body(shape, prompt, request.output_tokens);
    } else if (tokenizer) {
      ATELIER_TRY(const std::string text, chat_text(request.input_tokens, frame_tokens, random, *tokenizer));
      request.body = request_body(shape, text, request.output_tokens);
    } else {
      Words words(static_cast<std::size_t>(request.input_tokens));
      for (std::string_view& word : words) word = any_word(random);
      request.body = request_body(shape, joined(words), request.output_tokens);
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace atelier::load
