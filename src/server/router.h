// The Router knows which method and path belong to which handler.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::server {

class Call;
using Route = std::function<void(const std::shared_ptr<Call>&)>;

class Router {
 public:
  // A path that ends in "/*" stands for everything below it.
  void add(std::string method, std::string path, Route route);

  struct Match {
    const Route* route = nullptr;
    std::string_view pattern = {};  // of the route, as it was added; "" = none
    std::string allow;              // the methods this path knows, "GET, HEAD, OPTIONS"; "" = no such path
  };
  // HEAD goes where GET goes.
  Match find(std::string_view method, std::string_view path) const;

 private:
  struct Entry {
    std::string method, path;
    Route route;
  };
  std::vector<Entry> entries_;
};

}  // namespace atelier::server
