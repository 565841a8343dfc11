// What a user may write for MODEL, told apart without looking anything up: a path, a name of the catalogue,
// or a hub id "org/name" with an optional quantisation ("org/name:Q4_K_M"). Also the rules for names that
// servers send: nothing a server says may leave the folder it belongs in.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace atelier::formats {

struct ModelName {
  enum class Kind {
    kPath,       // exists, or looks like a path
    kCatalogue,  // one word: `text` is to be looked up in the catalogue
    kHub,
  };
  Kind kind;
  std::string text;          // as the user wrote it
  std::string repo;          // kHub: "org/name"
  std::string quantisation;  // kHub: "Q4_K_M" as written, "" for none
};

// A file or folder that exists wins over any other reading. kBadRequest names what is wrong with the name.
Result<ModelName> parse_model_name(const std::string& model);

// One part of a hub id: letters, digits, "-_.", at most 96, no "--" or "..", no "-" or "." at either end.
bool is_hub_name(std::string_view name);

// A relative path that stays below its folder: 1..512 bytes, "/" between parts, no part empty, "." or "..",
// no control characters, no "\".
bool is_safe_relative_path(std::string_view path);

// Where the name before ".gguf" ends in `quantisation` (any case), after a "-", ".", "_" or "/".
bool has_quantisation(std::string_view gguf_file, std::string_view quantisation);

// "qwen2.5-0.5b-instruct-q4_k_m.gguf" -> "Q4_K_M"; "" where the name does not say.
std::string quantisation_of(std::string_view gguf_file);

// "…-00001-of-00003.gguf"
bool is_sharded_gguf(std::string_view file);

// "model-00001-of-00003" -> "model"; any other name as it is.
std::string_view without_shard(std::string_view stem);

// Ends in `suffix`, letters in any case.
bool ends_with_any_case(std::string_view text, std::string_view suffix);

}  // namespace atelier::formats
