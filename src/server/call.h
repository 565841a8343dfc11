// A Call is one request on its way through the server: what was asked, where the answer goes, and the line
// that the log will have. It is logged exactly once, at the answer's end or when it is let go unanswered
// (499: the client has gone).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"
#include "http/response_writer.h"
#include "observe/metrics.h"

namespace atelier::server {

class Call {
 public:
  Call(http::Request request, std::shared_ptr<http::ResponseWriter> writer);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const http::Request& request() const { return request_; }
  http::Request& request() { return request_; }
  http::ResponseWriter& writer() { return *writer_; }
  const std::shared_ptr<http::ResponseWriter>& shared_writer() const { return writer_; }
  const std::string& id() const { return id_; }
  // The body's request_id; the header's X-Request-Id goes before it. Before any answer.
  void suggest_id(const std::string& id);

  // One of these answers; each adds the headers that every answer has. Any thread, once.
  void respond(http::Response response);
  void respond_json(int status, std::string json);
  void fail(const Failure& failure);
  void begin_events();  // text/event-stream; then writer() until end_events
  void end_events();

  // Counts this call when it has been answered. `route`: the path's pattern, "" for what is no route.
  void count_in(std::shared_ptr<observe::Metrics> metrics, std::string_view route);

  // What the log is to say of a generation.
  void note_tokens(std::int64_t prompt, std::int64_t completion);
  void note_finish(std::string_view reason);

 private:
  void log();
  void count() const;

  http::Request request_;
  std::shared_ptr<http::ResponseWriter> writer_;
  std::string id_;
  bool has_own_id_ = false;  // from the header
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  int status_ = 499;
  std::shared_ptr<observe::Metrics> metrics_;  // null = not counted
  std::string route_;
  std::size_t request_bytes_ = 0, response_bytes_ = 0;
  std::int64_t prompt_tokens_ = -1, completion_tokens_ = -1;  // -1: not a generation
  std::string finish_;
};

// Headers that keep a browser from doing what no page of ours asks for.
void add_security_headers(http::Response& response);

// The answer to what never became a call (http::Options::refuse).
http::Response refusal(int status, std::string_view message);

std::string random_id();  // 32 hexadecimal digits

}  // namespace atelier::server
