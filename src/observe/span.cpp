#include "observe/span.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace atelier::observe {
namespace {

namespace json = boost::json;
constexpr int kServerKind = 2, kStatusError = 2;

// 64-bit integers are strings in the JSON form of protocol buffers.
json::object attribute(const std::string& key, const std::variant<std::string, std::int64_t, double>& value) {
  json::object typed;
  if (const auto* text = std::get_if<std::string>(&value)) typed["stringValue"] = *text;
  if (const auto* count = std::get_if<std::int64_t>(&value)) typed["intValue"] = std::to_string(*count);
  if (const auto* number = std::get_if<double>(&value)) typed["doubleValue"] = *number;
  return {{"key", key}, {"value", std::move(typed)}};
}

json::object span_object(const Span& span) {
  json::array attributes;
  for (const auto& [key, value] : span.attributes) attributes.push_back(attribute(key, value));
  json::object out{{"traceId", span.context.trace_id},
                   {"spanId", span.id},
                   {"name", span.name},
                   {"kind", kServerKind},
                   {"startTimeUnixNano", std::to_string(span.begin_ns)},
                   {"endTimeUnixNano", std::to_string(span.end_ns)},
                   {"attributes", std::move(attributes)}};
  if (!span.context.parent_id.empty()) out["parentSpanId"] = span.context.parent_id;
  if (span.failed) out["status"] = json::object{{"code", kStatusError}};
  return out;
}

}  // namespace

std::string otlp_json(std::span<const Span> spans, const std::string& version) {
  json::array list;
  for (const Span& span : spans) list.push_back(span_object(span));
  const json::object scope{{"scope", json::object{{"name", "atelier"}, {"version", version}}},
                           {"spans", std::move(list)}};
  const json::object resource{{"attributes", json::array{attribute("service.name", std::string("atelier")),
                                                         attribute("service.version", version)}}};
  return json::serialize(
      json::object{{"resourceSpans",
                    json::array{json::object{{"resource", resource}, {"scopeSpans", json::array{scope}}}}}});
}

}  // namespace atelier::observe
