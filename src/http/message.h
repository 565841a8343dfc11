// HTTP messages as plain values: what a request says and what a response will say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace atelier::http {

struct Header {
  std::string name, value;
};

struct Request {
  std::string method;           // "GET"
  std::string target;           // as sent
  std::string path;             // percent-decoded, without the query
  std::string query;            // as sent, without "?"
  std::vector<Header> headers;  // in order
  std::string body;
  std::string remote;  // the peer's address, without its port

  // The first header of that name (case does not matter); "" where there is none.
  std::string_view header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::vector<Header> headers;  // without Date, Content-Length, Transfer-Encoding and Connection
  std::string body;
};

std::string_view reason_phrase(int status);

bool equal_ignoring_case(std::string_view a, std::string_view b);  // ASCII

struct Target {
  std::string path, query;
};
// Takes "/a%20b?x=1" and "http://host/a%20b?x=1" and "*" apart. kBadRequest: malformed escapes, a NUL byte,
// or no leading slash.
Result<Target> parse_target(std::string_view target);

// How a response ends on the wire.
struct Framing {
  enum class Body { kLength, kChunked, kUntilClose, kNone };
  Body body = Body::kLength;  // kLength: length_bytes follow; kNone: no body and no length
  std::size_t length_bytes = 0;
  bool keep_alive = true;
};
// The status line and all headers, with the empty line. Line breaks in values become spaces.
std::string response_head(const Response& response, const Framing& framing);

}  // namespace atelier::http
