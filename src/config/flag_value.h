// What a user wrote for a flag, checked against the flag's row: one place says what can be and what is
// nearest to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/flag.h"

namespace atelier::config {

// kBadRequest, param "--name": the value cannot be; the message names the nearest that can.
Status check_value(const Flag& flag, std::string_view text);

// true/false/on/off/yes/no/1/0 in any case; nullopt: none of these.
std::optional<bool> read_switch(std::string_view text);

// "4096", "32k" (32,000), "32K" (32,768), "1.5m", "2G"; "auto" and "-1" are 0. nullopt: none of these.
std::optional<std::int64_t> read_count(std::string_view text);

std::optional<double> read_number(std::string_view text);

// A JSON list of strings, or a plain text as the only one.
Result<std::vector<std::string>> read_list(const Flag& flag, std::string_view text);

}  // namespace atelier::config
