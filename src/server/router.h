// The Router is the table of the server's endpoints: which method and path belong to which handler, and what
// /openapi.json says of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/openapi.h"

namespace atelier::server {

class Call;
using Handler = std::function<void(const std::shared_ptr<Call>&)>;

struct Endpoint {
  // One part of the path may be a parameter in braces: "/v1/models/{model}". At the end it may hold slashes.
  api::Operation operation;
  Handler handler;
};

class Router {
 public:
  void add(Endpoint endpoint) { endpoints_.push_back(std::move(endpoint)); }

  struct Match {
    const Endpoint* endpoint = nullptr;
    std::string_view parameter;  // what stands in the path for the braces; a view of the path
    std::string allow;           // the methods this path knows, "GET, HEAD, OPTIONS"; "" = no such path
  };
  // HEAD goes where GET goes.
  Match find(std::string_view method, std::string_view path) const;

  std::vector<api::Operation> operations() const;  // in the order they were added

 private:
  std::vector<Endpoint> endpoints_;
};

}  // namespace atelier::server
