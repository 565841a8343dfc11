// atelier tokenize MODEL, atelier detokenize MODEL: a line of JSON in, a line of JSON out, until the input
// ends.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <functional>
#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "app/commands.h"
#include "base/json.h"
#include "base/log.h"
#include "bundle/model_bundle.h"
#include "formats/model_hub.h"
#include "text/tokenizer.h"
#include "text/unicode_utf8.h"

namespace atelier::app {
namespace {

using ConvertLine = std::function<Result<std::string>(const text::Tokenizer&, const boost::json::value&)>;

Result<text::Tokenizer> open_tokenizer(const std::string& model) {
  ATELIER_TRY(formats::LocatedModel located, formats::fetch_model(model));
  ATELIER_TRY(bundle::ModelBundle opened, bundle::open_bundle(located.path));
  if (!opened.tokenizer) return fail(Fault::kNotFound, "{} holds no tokenizer", located.path.string());
  return std::move(*opened.tokenizer);
}

Result<std::string> ids_of_text(const text::Tokenizer& tokenizer, const boost::json::value& line,
                                text::Specials specials) {
  const auto* text = line.if_string();
  if (text == nullptr) return fail(Fault::kBadRequest, "it is no JSON string");
  return boost::json::serialize(boost::json::value_from(tokenizer.encode(*text, specials)));
}

Result<std::string> text_of_ids(const text::Tokenizer& tokenizer, const boost::json::value& line) {
  const auto* array = line.if_array();
  if (array == nullptr) return fail(Fault::kBadRequest, "it is no JSON array of token ids");
  std::vector<text::TokenId> ids;
  for (const boost::json::value& one : *array) {
    const auto* id = one.if_int64();
    if (id == nullptr || *id < 0 || *id > std::numeric_limits<text::TokenId>::max()) {
      return fail(Fault::kBadRequest, "{} is no token id; this model has 0 to {}",
                  boost::json::serialize(one), tokenizer.size() - 1);
    }
    ids.push_back(static_cast<text::TokenId>(*id));
  }
  return boost::json::serialize(boost::json::string(tokenizer.decode(ids)));
}

// Invalid UTF-8 inside a line's string counts as U+FFFD.
Result<std::string> convert(const text::Tokenizer& tokenizer, const std::string& line,
                            const ConvertLine& convert_line) {
  ATELIER_TRY(const boost::json::value value, parse_json(text::replace_invalid_utf8(line)));
  return convert_line(tokenizer, value);
}

int convert_lines(const std::string& model, const ConvertLine& convert_line) {
  const auto tokenizer = open_tokenizer(model);
  if (!tokenizer) {
    log_error("{}", tokenizer.error().message);
    return 1;
  }
  std::ios::sync_with_stdio(false);
  std::string line;
  for (std::int64_t number = 1; std::getline(std::cin, line); ++number) {
    const auto converted = convert(*tokenizer, line, convert_line);
    if (!converted) {
      log_error("line {}: {}", number, converted.error().message);
      return 1;
    }
    std::fwrite(converted->data(), 1, converted->size(), stdout);
    std::fputc('\n', stdout);
    if (std::cin.rdbuf()->in_avail() <= 0)
      std::fflush(stdout);  // a partner that waits for each answer gets it
  }
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return 0;
  log_error("the output could not be written");
  return 1;
}

}  // namespace

void add_tokenize(CLI::App& root, Chosen& chosen) {
  struct Flags {
    std::string model;
    bool special = false;
  };
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = root.add_subcommand(
      "tokenize", "Read one JSON string a line, write one JSON array of token ids a line");
  command->add_option("MODEL", flags->model, "A file, a folder, a hub id or a catalogue name")->required();
  command->add_flag("--special", flags->special, "Special tokens in the text become their ids");
  command->callback([flags, &chosen] {
    chosen.run = [flags] {
      const auto specials = flags->special ? text::Specials::kParse : text::Specials::kAsText;
      return convert_lines(flags->model, [specials](const auto& tokenizer, const auto& line) {
        return ids_of_text(tokenizer, line, specials);
      });
    };
  });
}

void add_detokenize(CLI::App& root, Chosen& chosen) {
  const auto model = std::make_shared<std::string>();
  CLI::App* command = root.add_subcommand(
      "detokenize", "Read one JSON array of token ids a line, write one JSON string a line");
  command->add_option("MODEL", *model, "A file, a folder, a hub id or a catalogue name")->required();
  command->callback(
      [model, &chosen] { chosen.run = [model] { return convert_lines(*model, text_of_ids); }; });
}

}  // namespace atelier::app
