#include "api/model_card.h"

#include <utility>

#include "api/json_writer.h"

namespace atelier::api {
namespace {

void write_permission(JsonWriter& json, const ModelCard& card) {
  json.begin_object().member("id", "modelperm-" + card.id).member("object", "model_permission");
  json.member("created", card.created);
  constexpr std::pair<std::string_view, bool> kRights[] = {
      {"allow_create_engine", false},  {"allow_sampling", true}, {"allow_logprobs", true},
      {"allow_search_indices", false}, {"allow_view", true},     {"allow_fine_tuning", false},
  };
  for (const auto& [name, allowed] : kRights) json.key(name).boolean(allowed);
  json.member("organization", "*").key("group").null().key("is_blocking").boolean(false);
  json.end_object();
}

void write_card(JsonWriter& json, const ModelCard& card) {
  json.begin_object().member("id", card.id).member("object", "model").member("created", card.created);
  json.member("owned_by", "atelier").member("root", card.root).key("parent").null();
  json.member("max_model_len", card.max_model_len).key("permission").begin_array();
  write_permission(json, card);
  json.end_array().end_object();
}

}  // namespace

std::string model_card(const ModelCard& card) {
  std::string out;
  JsonWriter json(out);
  write_card(json, card);
  return out;
}

std::string model_list(const ModelCard& card) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("object", "list").key("data").begin_array();
  write_card(json, card);
  json.end_array().end_object();
  return out;
}

}  // namespace atelier::api
