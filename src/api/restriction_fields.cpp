#include "api/restriction_fields.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <cmath>
#include <optional>

namespace atelier::api {
namespace {

// The whole of `text` as a token id.
std::optional<std::int32_t> id_of(std::string_view text) {
  std::int32_t id = -1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc() || stop != end || id < 0) return std::nullopt;
  return id;
}

void read_logit_bias(FieldReader& reader, RestrictionFields& fields) {
  const boost::json::object* biases = reader.object("logit_bias");
  if (biases == nullptr) return;
  const auto refuse = [&](std::string message) {
    reader.refuse(Fault::kBadRequest, "logit_bias", std::move(message));
  };
  if (biases->size() > kMaxLogitBias)
    return refuse(fmt::format("logit_bias has {} entries; the limit is {}", biases->size(), kMaxLogitBias));
  for (const auto& [name, value] : *biases) {
    const auto id = id_of(name);
    if (!id) {
      return refuse(fmt::format("logit_bias must be keyed by token ids, got \"{}\"",
                                std::string_view(name).substr(0, 40)));
    }
    const double bias = value.is_number() ? value.to_number<double>() : std::nan("");
    if (!(std::fabs(bias) <= kMostLogitBias)) {
      return refuse(
          fmt::format("logit_bias of token {} must be a number of at least {} and at most {}, got {}", *id,
                      -kMostLogitBias, kMostLogitBias, describe(value)));
    }
    fields.logit_bias.push_back({*id, static_cast<float>(bias)});
  }
}

void read_allowed(FieldReader& reader, RestrictionFields& fields) {
  const boost::json::array* list = reader.array("allowed_token_ids");
  if (list == nullptr) return;
  if (list->empty()) {
    return reader.refuse(Fault::kBadRequest, "allowed_token_ids",
                         "allowed_token_ids is empty: nothing could be answered");
  }
  auto ids = read_token_ids("allowed_token_ids", *list);
  if (!ids) return reader.refuse(ids.error().fault, "allowed_token_ids", ids.error().message);
  fields.allowed_token_ids = *std::move(ids);
}

void read_bad_words(FieldReader& reader, RestrictionFields& fields) {
  const boost::json::array* words = reader.array("bad_words");
  if (words == nullptr) return;
  if (words->size() > kMaxBadWords) {
    return reader.refuse(Fault::kBadRequest, "bad_words",
                         fmt::format("bad_words has {} words; the limit is {}", words->size(), kMaxBadWords));
  }
  for (const auto& word : *words) {
    const auto* text = word.if_string();
    if (text == nullptr || text->empty() || text->size() > kMaxBadWordBytes) {
      return reader.refuse(Fault::kBadRequest, "bad_words",
                           fmt::format("bad_words must hold strings of 1 to {} bytes, got {}",
                                       kMaxBadWordBytes, describe(word)));
    }
    fields.bad_words.emplace_back(*text);
  }
}

}  // namespace

RestrictionFields read_restriction_fields(FieldReader& reader) {
  RestrictionFields fields;
  read_logit_bias(reader, fields);
  read_allowed(reader, fields);
  read_bad_words(reader, fields);
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  fields.min_tokens = reader.integer("min_tokens", 0, kMost).value_or(0);
  return fields;
}

}  // namespace atelier::api
