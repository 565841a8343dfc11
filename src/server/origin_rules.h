// OriginRules say which other origins' pages may use the API (CORS), and answer a browser that asks.
#pragma once

#include <string>
#include <vector>

#include "http/message.h"

namespace atelier::server {

struct OriginOptions {
  std::vector<std::string> origins;  // "https://a.example"; "*": all; empty: none
  std::vector<std::string> methods = {"*"}, headers = {"*"};
  bool allow_credentials = false;
};

// Any thread.
class OriginRules {
 public:
  explicit OriginRules(OriginOptions options) : options_(std::move(options)) {}

  // The headers that tell the browser that this page may read the answer; empty: it may not, or there is no
  // page.
  std::vector<http::Header> headers_for(const http::Request& request) const;

  // A browser's question before a request, from an origin that is let in.
  bool is_preflight(const http::Request& request) const;
  http::Response answer_preflight(const http::Request& request) const;

 private:
  bool lets_in(std::string_view origin) const;

  const OriginOptions options_;
};

}  // namespace atelier::server
