// Tokenizers and cases for tests. A tokenizer.json is read here with no checks at all: the real reader is in
// bundle.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/test_data.h"
#include "text/tokenizer.h"
#include "text/unicode_utf8.h"

namespace atelier::text {

inline TokenizerData read_tokenizer_json(const std::filesystem::path& path, PreTokenizer pre_tokenizer,
                                         bool nfc) {
  const boost::json::value file = parse_json(read_file(path)).value();
  TokenizerData data{.pre_tokenizer = pre_tokenizer, .nfc = nfc};
  const auto place = [&data](std::int64_t id, std::string_view text) {
    if (data.tokens.size() <= static_cast<std::size_t>(id)) data.tokens.resize(id + 1);
    data.tokens[id] = text;
  };
  for (const auto& [text, id] : file.at_pointer("/model/vocab").as_object())
    place(id.to_number<std::int64_t>(), text);
  for (const auto& merge : file.at_pointer("/model/merges").as_array()) {
    const auto* pair = merge.if_array();
    data.merges.push_back(pair ? std::string((*pair)[0].as_string()) + " " +
                                     std::string((*pair)[1].as_string())
                               : std::string(merge.as_string()));
  }
  for (const auto& token : file.at("added_tokens").as_array()) {
    const auto id = token.at("id").to_number<TokenId>();
    place(id, token.at("content").as_string());
    data.specials.push_back(
        {id, std::string(token.at("content").as_string()), token.at("special").as_bool()});
  }
  return data;
}

// The small vocabulary in the tree: 1,000 tokens and Qwen2.5's 22 added ones.
inline TokenizerData small_data(PreTokenizer pre_tokenizer = PreTokenizer::kQwen2, bool nfc = true) {
  return read_tokenizer_json("tests/data/tokenizer/tokenizer.json", pre_tokenizer, nfc);
}

inline Tokenizer small_tokenizer(PreTokenizer pre_tokenizer = PreTokenizer::kQwen2, bool nfc = true) {
  return Tokenizer::create(small_data(pre_tokenizer, nfc)).value();
}

// `bytes` in byte-level spelling.
inline std::string spelled(std::string_view bytes) {
  const auto printable = [](int byte) {
    return (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte != 0xad);
  };
  std::string out;
  for (const char c : bytes) {
    const int byte = static_cast<unsigned char>(c);
    int character = byte;
    if (!printable(byte)) {
      character = 0x100;
      for (int lower = 0; lower < byte; ++lower) character += !printable(lower);
    }
    append_utf8(static_cast<char32_t>(character), out);
  }
  return out;
}

// What tools/make_tokenizer_cases.py writes, and the golden files.
struct TokenizerCase {
  std::string input, decoded;
  std::vector<TokenId> ids, ids_as_text;
};

inline std::vector<TokenizerCase> read_cases(const std::filesystem::path& path) {
  std::vector<TokenizerCase> cases;
  std::ifstream in(path);
  const auto ids_of = [](const boost::json::value& value) {
    return boost::json::value_to<std::vector<TokenId>>(value);
  };
  for (std::string line; std::getline(in, line);) {
    const boost::json::object fields = parse_json(line).value().as_object();
    TokenizerCase one;
    if (fields.contains("text")) {
      one.input = fields.at("text").as_string();
    } else {
      const std::string hex(fields.at("bytes").as_string());
      for (std::size_t at = 0; at < hex.size(); at += 2) {
        one.input += static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16));
      }
    }
    one.ids = ids_of(fields.at("ids"));
    one.ids_as_text = fields.contains("ids_as_text") ? ids_of(fields.at("ids_as_text")) : one.ids;
    one.decoded = fields.contains("decoded") ? std::string(fields.at("decoded").as_string()) : one.input;
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace atelier::text
