// The cards of GET /v1/models, with every member that vLLM's have.
#pragma once

#include <cstdint>
#include <string>

namespace atelier::api {

struct ModelCard {
  std::string id;
  std::string root;          // the model behind the name
  std::int64_t created = 0;  // Unix time, seconds
  std::int64_t max_model_len = 0;
};

std::string model_card(const ModelCard& card);
std::string model_list(const ModelCard& card);  // {"object":"list","data":[…]}

}  // namespace atelier::api
