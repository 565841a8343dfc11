#include "api/generation_fields.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <limits>

namespace atelier::api {
namespace {

constexpr double kMostTemperature = 100.0, kMostPenalty = 100.0;

std::optional<float> single(std::optional<double> value) {
  return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
}

void read_stop_token_ids(FieldReader& reader, GenerationFields& fields) {
  const boost::json::array* ids = reader.array("stop_token_ids");
  if (ids == nullptr) return;
  if (ids->size() > kMaxStopTokenIds) {
    reader.refuse(Fault::kBadRequest, "stop_token_ids",
                  fmt::format("stop_token_ids has {} ids; the limit is {}", ids->size(), kMaxStopTokenIds));
    return;
  }
  for (const auto& value : *ids) {
    const auto id = whole_number(value);
    if (!id || *id < 0 || *id > std::numeric_limits<std::int32_t>::max()) {
      reader.refuse(Fault::kBadRequest, "stop_token_ids",
                    fmt::format("stop_token_ids must hold token ids, got {}", describe(value)));
      return;
    }
    fields.stop_token_ids.push_back(static_cast<std::int32_t>(*id));
  }
}

void read_stream(FieldReader& reader, GenerationFields& fields) {
  fields.stream = reader.boolean("stream").value_or(false);
  const boost::json::object* options = reader.object("stream_options");
  if (options == nullptr) return;
  if (!fields.stream) {
    reader.refuse(Fault::kBadRequest, "stream_options",
                  "Stream options can only be defined when `stream=True`.");
    return;
  }
  FieldReader inner(*options, "stream_options.");
  fields.include_usage = inner.boolean("include_usage").value_or(false);
  const bool continuous = inner.boolean("continuous_usage_stats").value_or(false);
  fields.continuous_usage = continuous && fields.include_usage;
  if (const auto status = inner.status(); !status) {
    reader.refuse(status.error().fault, status.error().param, status.error().message);
  }
}

// Fields that would change the answer, and that this server cannot honour: silence would be a lie.
void refuse_unsupported(FieldReader& reader) {
  const auto refuse = [&](std::string_view name, std::string_view nearest) {
    reader.refuse(Fault::kUnsupported, name, fmt::format("{} is not supported{}", name, nearest));
  };
  if (const auto* format = reader.object("response_format")) {
    const boost::json::value* type = format->if_contains("type");
    if (type == nullptr || !type->is_string() || type->get_string() != "text") {
      refuse("response_format", " other than {\"type\": \"text\"}");
    }
  }
  for (const std::string_view name :
       {"structured_outputs", "guided_json", "guided_regex", "guided_choice", "guided_grammar"}) {
    const boost::json::value* value = reader.value(name);
    const bool empty = value == nullptr || (value->is_array() && value->get_array().empty());
    if (!empty) refuse(name, "");
  }
}

void read_beam(FieldReader& reader, GenerationFields& fields) {
  constexpr double kMostLengthPenalty = 10.0;
  fields.beam.wanted = reader.boolean("use_beam_search").value_or(false);
  fields.beam.length_penalty =
      reader.number("length_penalty", {-kMostLengthPenalty, kMostLengthPenalty}).value_or(1.0);
}

// Beams are compared by the model's own log-probabilities: what would change the choice has no place there.
void check_beam(FieldReader& reader, const GenerationFields& fields) {
  const auto refuse = [&](std::string_view name) {
    reader.refuse(Fault::kUnsupported, name, fmt::format("{} is not supported with use_beam_search", name));
  };
  if (fields.stream) refuse("stream");
  if (!fields.stop.empty()) refuse("stop");
  if (!fields.logit_bias.empty()) refuse("logit_bias");
  if (!fields.allowed_token_ids.empty()) refuse("allowed_token_ids");
  if (!fields.bad_words.empty()) refuse("bad_words");
  if (fields.min_tokens > 0) refuse("min_tokens");
  if (fields.prompt_logprobs >= 0) refuse("prompt_logprobs");
}

}  // namespace

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestIdBytes && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  });
}

void read_truncation(FieldReader& reader, GenerationFields& fields) {
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  const auto tokens = reader.integer("truncate_prompt_tokens", -1, kMost);
  const auto side = reader.string("truncation_side");
  if (side && side != "left" && side != "right") {
    reader.refuse(Fault::kBadRequest, "truncation_side",
                  "truncation_side must be \"left\" (the last tokens are kept) or \"right\" (the first)");
  }
  if (!tokens) return;
  if (tokens == 0) {
    reader.refuse(Fault::kBadRequest, "truncate_prompt_tokens",
                  "truncate_prompt_tokens must be -1 (what the context holds) or at least 1, got 0");
  }
  fields.truncate_prompt = {.tokens = *tokens, .keep_first = side == "right"};
}

void read_handling(FieldReader& reader, GenerationFields& fields) {
  using Limits = std::numeric_limits<std::int32_t>;
  fields.priority =
      static_cast<std::int32_t>(reader.integer("priority", Limits::min(), Limits::max()).value_or(0));
  const auto salt = reader.string("cache_salt");
  if (salt && (salt->empty() || salt->size() > kMaxCacheSaltBytes)) {
    reader.refuse(Fault::kBadRequest, "cache_salt",
                  fmt::format("cache_salt must be a string of 1 to {} bytes if it is given, got {}",
                              kMaxCacheSaltBytes, salt->size()));
  }
  fields.cache_salt = salt.value_or("");
  const auto id = reader.string("request_id");
  if (id && !is_request_id(*id)) {
    reader.refuse(
        Fault::kBadRequest, "request_id",
        fmt::format("request_id must be 1 to {} letters, digits, '-', '_' or '.'", kMaxRequestIdBytes));
  }
  fields.request_id = id.value_or("");
}

void read_sampling(FieldReader& reader, GenerationFields& fields) {
  fields.temperature = single(reader.number("temperature", {0.0, kMostTemperature}));
  fields.top_p = single(reader.number("top_p", {0.0, 1.0, true}));
  // a value that rounds to 0 as a float would mean something else
  if (fields.top_p == 0.0f) fields.top_p = std::numeric_limits<float>::min();
  fields.min_p = single(reader.number("min_p", {0.0, 1.0}));
  fields.repetition_penalty = single(reader.number("repetition_penalty", {0.01, kMostPenalty}));
  fields.presence_penalty = single(reader.number("presence_penalty", {-2.0, 2.0}));
  fields.frequency_penalty = single(reader.number("frequency_penalty", {-2.0, 2.0}));
  if (const auto top_k = reader.integer("top_k", -1, std::numeric_limits<std::int32_t>::max())) {
    fields.top_k = *top_k < 0 ? 0 : static_cast<std::int32_t>(*top_k);
  }
  using Limits = std::numeric_limits<std::int64_t>;
  if (const auto seed = reader.integer("seed", Limits::min(), Limits::max())) {
    fields.seed = static_cast<std::uint64_t>(*seed);
  }
}

void read_stop_strings(FieldReader& reader, std::string_view name, GenerationFields& fields) {
  const auto accept = [&](const boost::json::value& stop) {
    const auto* text = stop.if_string();
    if (text == nullptr || text->empty() || text->size() > kMaxStopBytes) {
      reader.refuse(
          Fault::kBadRequest, name,
          fmt::format("{} must hold strings of 1 to {} bytes, got {}", name, kMaxStopBytes, describe(stop)));
      return;
    }
    fields.stop.emplace_back(*text);
  };
  const boost::json::value* stop = reader.value(name);
  if (stop != nullptr && stop->is_array()) {
    const auto& list = stop->get_array();
    if (list.size() > kMaxStops) {
      reader.refuse(Fault::kBadRequest, name,
                    fmt::format("{} has {} strings; the limit is {}", name, list.size(), kMaxStops));
    } else {
      for (const auto& one : list) accept(one);
    }
  } else if (stop != nullptr && !(stop->is_string() && stop->get_string().empty())) {
    accept(*stop);
  }
}

GenerationFields read_generation_fields(FieldReader& reader) {
  GenerationFields fields;
  static_cast<RestrictionFields&>(fields) = read_restriction_fields(reader);
  fields.model = reader.string("model").value_or("");
  read_sampling(reader, fields);
  fields.n = static_cast<int>(reader.integer("n", 1, kMaxChoices).value_or(1));
  read_stop_strings(reader, "stop", fields);
  read_stop_token_ids(reader, fields);
  read_stream(reader, fields);
  fields.include_stop_str_in_output = reader.boolean("include_stop_str_in_output").value_or(false);
  fields.ignore_eos = reader.boolean("ignore_eos").value_or(false);
  fields.skip_special_tokens = reader.boolean("skip_special_tokens").value_or(true);
  reader.boolean("spaces_between_special_tokens");  // byte-level tokens bring their own spaces
  fields.return_token_ids = reader.boolean("return_token_ids").value_or(false);
  fields.per_request_metrics = reader.boolean("per_request_metrics").value_or(false);
  fields.prompt_logprobs =
      static_cast<std::int32_t>(reader.integer("prompt_logprobs", 0, kMaxTopLogprobs).value_or(-1));
  fields.best_of = fields.n;
  read_truncation(reader, fields);
  read_beam(reader, fields);
  read_handling(reader, fields);
  refuse_unsupported(reader);
  for (const std::string_view ignored : {"user", "metadata", "store", "service_tier"}) reader.value(ignored);
  return fields;
}

void check_together(FieldReader& reader, const GenerationFields& fields) {
  if (fields.max_tokens && fields.min_tokens > *fields.max_tokens) {
    reader.refuse(Fault::kBadRequest, "min_tokens",
                  fmt::format("min_tokens must be less than or equal to max_tokens={}, got {}",
                              *fields.max_tokens, fields.min_tokens));
  }
  if (fields.prompt_logprobs >= 0 && fields.stream) {
    reader.refuse(Fault::kBadRequest, "prompt_logprobs",
                  "`prompt_logprobs` are not available when `stream=True`.");
  }
  if (fields.beam.wanted) check_beam(reader, fields);
}

}  // namespace atelier::api
