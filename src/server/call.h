// A Call is one request on its way through the server: what was asked, where the answer goes, and the line
// that the log will have. It is logged exactly once, at the answer's end or when it is let go unanswered
// (499: the client has gone).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/error_body.h"
#include "base/result.h"
#include "http/message.h"
#include "http/response_writer.h"
#include "observe/metrics.h"
#include "server/rate_limiter.h"

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
  const std::string& parameter() const { return parameter_; }  // of the path: "/v1/models/{model}"

  api::ErrorShape errors() const { return errors_; }

  // Before the handler: what the endpoint says.
  void take_endpoint(std::string_view parameter, api::ErrorShape errors);
  // The body's request_id; the header's X-Request-Id goes before it. Before any answer.
  void suggest_id(const std::string& id);

  // One of these answers; each adds the headers that every answer has. Any thread, once.
  void respond(http::Response response);
  void respond_json(int status, std::string json);
  void fail(const Failure& failure);
  void advise_retry(int seconds) { retry_after_s_ = seconds; }  // what a 503 tells; before it
  void refuse(const api::CodedError& error);
  void begin_stream(std::string_view content_type);  // then writer() until end_stream
  void end_stream();

  // One more header of the answer; before it.
  void add_header(std::string name, std::string value);
  // What is settled when the call ends.
  void hold(std::unique_ptr<Ticket> ticket) { ticket_ = std::move(ticket); }

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
  std::string id_, parameter_;
  api::ErrorShape errors_ = api::ErrorShape::kOpenAi;
  bool has_own_id_ = false;  // from the header
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  int status_ = 499;
  int retry_after_s_ = 1;
  std::shared_ptr<observe::Metrics> metrics_;  // null = not counted
  std::string route_;
  std::size_t request_bytes_ = 0, response_bytes_ = 0;
  std::int64_t prompt_tokens_ = -1, completion_tokens_ = -1;  // -1: not a generation
  std::string finish_;
  std::vector<http::Header> headers_;
  std::unique_ptr<Ticket> ticket_;  // null: nobody counts
};

// Headers that keep a browser from doing what no page of ours asks for.
void add_security_headers(http::Response& response);

// The answer to what never became a call (http::Options::refuse).
http::Response refusal(int status, std::string_view message);

std::string random_id();  // 32 hexadecimal digits, not to be guessed

}  // namespace atelier::server
