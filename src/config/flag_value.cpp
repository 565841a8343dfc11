#include "config/flag_value.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/json.h"

namespace atelier::config {
namespace {

constexpr JsonLimits kJsonLimits{.max_bytes = 64u << 10, .max_depth = 16};
constexpr std::size_t kMaxValueBytes = 64u << 10;
constexpr double kMostExact = 9007199254740992.0;  // 2^53: beyond, a double skips integers

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// Values go into messages: the beginning is enough.
std::string_view shown(std::string_view text) {
  return text.substr(0, 60);
}

std::unexpected<Failure> refuse(const Flag& flag, std::string_view text, std::string_view why) {
  return fail_param(Fault::kBadRequest, fmt::format("--{}", flag.name),
                    fmt::format("--{} {}: {}", flag.name, shown(text), why));
}

double scale_of(char suffix) {
  switch (suffix) {
    case 'k':
      return 1e3;
    case 'm':
      return 1e6;
    case 'g':
      return 1e9;
    case 't':
      return 1e12;
    case 'K':
      return 1024.0;
    case 'M':
      return 1024.0 * 1024;
    case 'G':
      return 1024.0 * 1024 * 1024;
    case 'T':
      return 1024.0 * 1024 * 1024 * 1024;
    default:
      return 0;
  }
}

// Whole numbers print as such.
std::string plain(double value) {
  return std::trunc(value) == value && std::abs(value) < kMostExact
             ? fmt::format("{}", static_cast<std::int64_t>(value))
             : fmt::format("{}", value);
}

Status check_range(const Flag& flag, std::string_view text, double value) {
  if (value >= flag.least && value <= flag.most) return {};
  return refuse(flag, text,
                fmt::format("{} to {} can be; the nearest is {}", plain(flag.least), plain(flag.most),
                            plain(std::clamp(value, flag.least, flag.most))));
}

Status check_count(const Flag& flag, std::string_view text) {
  const auto value = read_count(text);
  if (!value) return refuse(flag, text, "must be a number, such as 4096, 32k (32,000) or 32K (32,768)");
  const bool automatic = (text == "auto" || text == "-1") && flag.value.contains("auto");
  return automatic ? Status() : check_range(flag, text, static_cast<double>(*value));
}

Status check_json_object(const Flag& flag, std::string_view text) {
  const auto json = parse_json(text, kJsonLimits);
  if (!json) return refuse(flag, text, "must be a JSON object: " + json.error().message);
  if (!json->is_object()) return refuse(flag, text, "must be a JSON object, such as {\"a\": 1}");
  return {};
}

}  // namespace

std::optional<bool> read_switch(std::string_view text) {
  const std::string word = lowered(text);
  if (is_choice(word, "true|on|yes|1|t|y")) return true;
  if (is_choice(word, "false|off|no|0|f|n")) return false;
  return std::nullopt;
}

std::optional<double> read_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> read_count(std::string_view text) {
  if (text == "auto" || text == "-1") return 0;
  double scale = text.empty() ? 0 : scale_of(text.back());
  if (scale > 0) {
    text.remove_suffix(1);
  } else {
    scale = 1;
  }
  const auto value = read_number(text);
  if (!value || *value * scale > kMostExact || *value * scale < -kMostExact) return std::nullopt;
  const double whole = std::trunc(*value * scale);
  if (scale == 1 && whole != *value) return std::nullopt;  // 1.5 of nothing
  return static_cast<std::int64_t>(whole);
}

Result<std::vector<std::string>> read_list(const Flag& flag, std::string_view text) {
  if (!text.starts_with('[')) return std::vector<std::string>{std::string(text)};
  const auto json = parse_json(text, kJsonLimits);
  if (!json) return refuse(flag, text, "is no JSON list: " + json.error().message);
  std::vector<std::string> out;
  for (const boost::json::value& one : json->get_array()) {
    if (!one.is_string()) return refuse(flag, text, "must be a JSON list of strings");
    out.emplace_back(one.get_string());
  }
  return out;
}

Status check_value(const Flag& flag, std::string_view text) {
  if (text.size() > kMaxValueBytes) return refuse(flag, text, "is longer than 64 KiB");
  switch (flag.form) {
    case Form::kSwitch:
      return read_switch(text) ? Status() : refuse(flag, text, "must be true or false");
    case Form::kText: {
      const bool odd =
          std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 && c != '\n' && c != '\t'; });
      if (text.empty() || odd) return refuse(flag, text, "must be a text without control characters");
      return {};
    }
    case Form::kInteger: {
      const auto value = read_number(text);
      if (!value || std::trunc(*value) != *value) return refuse(flag, text, "must be a whole number");
      return check_range(flag, text, *value);
    }
    case Form::kNumber: {
      const auto value = read_number(text);
      if (!value) return refuse(flag, text, "must be a number");
      return check_range(flag, text, *value);
    }
    case Form::kCount:
    case Form::kBytes:
      return check_count(flag, text);
    case Form::kChoice:
      if (is_choice(text, flag.value)) return {};
      return refuse(
          flag, text,
          fmt::format("must be one of {}; the nearest is {}", flag.value, nearest_choice(text, flag.value)));
    case Form::kJsonObject:
      return check_json_object(flag, text);
    case Form::kJsonList: {
      const auto list = read_list(flag, text);
      return list ? Status() : std::unexpected(list.error());
    }
  }
  return {};
}

}  // namespace atelier::config
