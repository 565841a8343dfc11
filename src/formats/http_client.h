// An HttpClient fetches from the servers models come from. It follows redirects itself, so that a token never
// reaches a host it was not meant for, and it gives up on a silent server when its caller said to.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace atelier::formats {

struct HttpRequest {
  enum class Method { kGet, kHead };
  Method method = Method::kGet;
  std::string url;             // http or https
  std::string token;           // "Authorization: Bearer", to the origin of `url` only; "" for none
  std::int64_t from_byte = 0;  // > 0: "Range: bytes=N-"
  // Until the first line of the last answer is here: name look-up, connection, redirects, the server's
  // thinking.
  std::chrono::milliseconds answer_within{15'000};
  // A body that moves no byte for this long is given up.
  std::chrono::milliseconds stall_after{15'000};
};

struct HttpHead {
  int status = 0;
  std::string url;  // the one that answered, after redirects
  // Names in lower case. Of the last answer; "x-linked-*" and "x-repo-commit" of the first that had them.
  std::map<std::string, std::string, std::less<>> headers;

  std::string_view header(std::string_view name) const;  // "" where absent
  // The header as a number >= 0; nullopt where absent or no number.
  std::optional<std::int64_t> number(std::string_view name) const;
};

class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Both are called in between; a Failure from one ends the transfer and is returned.
  using OnHead = std::function<Status(const HttpHead&)>;  // once, before the first byte
  using OnBytes = std::function<Status(std::span<const std::byte>)>;

  // kNetwork: no answer, or the connection broke (what on_bytes got stays got). kCorrupt: redirected in
  // circles or to what is not followed. Any status is an answer; the body is handed on for 2xx only. One
  // thread at a time.
  Result<HttpHead> fetch(const HttpRequest& request, const OnHead& on_head, const OnBytes& on_bytes);

  // A whole 2xx body of at most `max_bytes`, with its head; other statuses come with an empty body.
  struct Reply {
    HttpHead head;
    std::string body;
  };
  Result<Reply> get(const HttpRequest& request, std::size_t max_bytes);

 private:
  struct Handles;
  std::unique_ptr<Handles> handles_;
};

// "http(s)://host[:port]" of an address, the port only where it is not the usual one; "" where it is not http
// or https.
std::string origin_of(const std::string& url);

// `text` as one part of an address: all but letters, digits and "-_.~" as %XX.
std::string percent_encoded(std::string_view text, std::string_view keep = "");

}  // namespace atelier::formats
