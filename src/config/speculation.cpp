#include "config/speculation.h"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/json.h"

namespace atelier::config {
namespace {

constexpr std::string_view kFlag = "--speculative-config";
constexpr std::int64_t kMostTokens = 16, kMostLookup = 32;
constexpr std::array<std::string_view, 5> kKeys = {"method", "model", "num_speculative_tokens",
                                                   "prompt_lookup_min", "prompt_lookup_max"};

std::unexpected<Failure> refuse(std::string_view what) {
  return fail_param(Fault::kBadRequest, std::string(kFlag), fmt::format("{}: {}", kFlag, what));
}

Status read_integer(const boost::json::object& fields, std::string_view name, std::int64_t most,
                    std::int64_t& into) {
  const boost::json::value* value = fields.if_contains(name);
  if (value == nullptr || value->is_null()) return {};
  if (!value->is_int64() || value->get_int64() < 1 || value->get_int64() > most) {
    return refuse(
        fmt::format("{} is {}; 1 to {} can be", name, boost::json::serialize(*value).substr(0, 40), most));
  }
  into = value->get_int64();
  return {};
}

Result<std::string> read_text(const boost::json::object& fields, std::string_view name) {
  const boost::json::value* value = fields.if_contains(name);
  if (value == nullptr || value->is_null()) return "";
  if (!value->is_string()) return refuse(fmt::format("{} must be a string", name));
  return std::string(value->get_string());
}

Result<Speculation::Method> method_of(std::string_view method, bool has_model) {
  using Method = Speculation::Method;
  if (method == "ngram") return Method::kNgram;
  if (method == "draft_model" || (method.empty() && has_model)) return Method::kDraftModel;
  return refuse(fmt::format("method \"{}\" is not one of ngram, draft_model", method.substr(0, 40)));
}

}  // namespace

Result<Speculation> read_speculation(std::string_view json) {
  Speculation out;
  if (json.empty()) return out;
  ATELIER_TRY(const boost::json::value parsed, parse_json(json));
  if (!parsed.is_object()) return refuse("must be a JSON object");
  const boost::json::object& fields = parsed.get_object();
  for (const auto& field : fields) {
    if (std::ranges::find(kKeys, std::string_view(field.key())) != kKeys.end()) continue;
    return refuse(fmt::format("\"{}\" is not known; {} are", std::string_view(field.key()).substr(0, 40),
                              fmt::join(kKeys, ", ")));
  }
  ATELIER_TRY(const std::string method, read_text(fields, "method"));
  ATELIER_TRY(out.model, read_text(fields, "model"));
  ATELIER_TRY(out.method, method_of(method, !out.model.empty()));
  ATELIER_TRY_STATUS(read_integer(fields, "num_speculative_tokens", kMostTokens, out.tokens));
  ATELIER_TRY_STATUS(read_integer(fields, "prompt_lookup_max", kMostLookup, out.lookup_max));
  out.lookup_min = std::min(out.lookup_min, out.lookup_max);
  ATELIER_TRY_STATUS(read_integer(fields, "prompt_lookup_min", kMostLookup, out.lookup_min));
  if (out.lookup_min > out.lookup_max) {
    return refuse(fmt::format("prompt_lookup_min {} is more than prompt_lookup_max {}", out.lookup_min,
                              out.lookup_max));
  }
  if (out.method == Speculation::Method::kDraftModel && out.model.empty())
    return refuse("method draft_model needs \"model\"");
  return out;
}

}  // namespace atelier::config
