#include "server/call.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>
#include <utility>

#include "api/error_body.h"
#include "api/generation_fields.h"
#include "api/json_writer.h"

namespace atelier::server {
namespace {

constexpr std::size_t kMaxLoggedBytes = 200;

std::string utc_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now).count() % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, millis);
}

}  // namespace

Call::Call(http::Request request, std::shared_ptr<http::ResponseWriter> writer)
    : request_(std::move(request)), writer_(std::move(writer)) {
  const std::string_view given = request_.header("X-Request-Id");
  has_own_id_ = api::is_request_id(given);
  id_ = has_own_id_ ? std::string(given) : random_id();
}

Call::~Call() {
  log();
  if (metrics_ != nullptr) count();
}

void Call::count_in(std::shared_ptr<observe::Metrics> metrics, std::string_view route) {
  metrics_ = std::move(metrics);
  route_ = route;
  request_bytes_ = request_.body.size();
}

void Call::count() const {
  // methods are the client's words: what is not a usual one must not become a label
  constexpr std::string_view kMethods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
  const bool usual = std::ranges::find(kMethods, request_.method) != std::end(kMethods);
  metrics_->http_answered(
      {.handler = route_.empty() ? std::string_view("none") : route_,
       .method = usual ? std::string_view(request_.method) : "other",
       .status = status_,
       .seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(),
       .request_bytes = request_bytes_,
       .response_bytes = response_bytes_});
}

void Call::take_endpoint(std::string_view parameter, api::ErrorShape errors) {
  parameter_ = parameter;
  errors_ = errors;
}

void Call::suggest_id(const std::string& id) {
  if (!has_own_id_ && !id.empty()) id_ = id;
}

void Call::respond(http::Response response) {
  status_ = response.status;
  response_bytes_ = response.body.size();
  response.headers.push_back({"X-Request-Id", id_});
  response.headers.insert(response.headers.end(), headers_.begin(), headers_.end());
  add_security_headers(response);
  writer_->respond(std::move(response));
}

void Call::respond_json(int status, std::string json) {
  respond({.status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(json)});
}

void Call::refuse(const api::CodedError& error) {
  respond_json(error.status, api::error_body(error, errors_));
}

void Call::fail(const Failure& failure) {
  const int status = api::error_kind(failure.fault).status;
  http::Response response{.status = status,
                          .headers = {{"Content-Type", "application/json"}},
                          .body = api::error_body(failure, errors_)};
  if (status == 503) response.headers.push_back({"Retry-After", std::to_string(retry_after_s_)});
  respond(std::move(response));
}

void Call::begin_stream(std::string_view content_type) {
  status_ = 200;
  http::Response head{.status = 200,
                      .headers = {{"Content-Type", std::string(content_type)},
                                  {"Cache-Control", "no-cache"},
                                  {"X-Accel-Buffering", "no"},
                                  {"X-Request-Id", id_}},
                      .body = {}};
  head.headers.insert(head.headers.end(), headers_.begin(), headers_.end());
  add_security_headers(head);
  writer_->begin_stream(std::move(head));
}

void Call::end_stream() {
  writer_->end_stream();
}

void Call::add_header(std::string name, std::string value) {
  headers_.push_back({std::move(name), std::move(value)});
}

void Call::note_tokens(std::int64_t prompt, std::int64_t completion) {
  if (ticket_ != nullptr) ticket_->note(prompt + completion);
  prompt_tokens_ = prompt;
  completion_tokens_ = completion;
}

void Call::note_finish(std::string_view reason) {
  finish_ = reason;
}

// Never the query, the body or a header: prompts and keys stay out of logs. Answers to probes and for the
// page's files are not worth a line.
void Call::log() {
  if (status_ < 400 && prompt_tokens_ < 0) return;
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin_;
  std::string line;
  api::JsonWriter json(line);
  json.begin_object().member("time", utc_now()).member("request", id_).member("remote", request_.remote);
  json.member("method", request_.method.substr(0, kMaxLoggedBytes));
  json.member("path", request_.path.substr(0, kMaxLoggedBytes)).member("status", status_);
  json.key("ms").number(static_cast<double>(static_cast<std::int64_t>(took.count() * 10)) / 10);
  if (prompt_tokens_ >= 0) {
    json.member("prompt_tokens", prompt_tokens_).member("completion_tokens", completion_tokens_);
    json.member("finish", finish_);
  }
  json.end_object();
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);  // one call: lines never mix
}

void add_security_headers(http::Response& response) {
  response.headers.push_back({"X-Content-Type-Options", "nosniff"});
  response.headers.push_back({"Referrer-Policy", "no-referrer"});
  response.headers.push_back({"Cross-Origin-Resource-Policy", "same-origin"});
}

http::Response refusal(int status, std::string_view message) {
  http::Response response{.status = status,
                          .headers = {{"Content-Type", "application/json"}},
                          .body = api::error_body(status, http::reason_phrase(status), message)};
  if (status == 503) response.headers.push_back({"Retry-After", "1"});
  add_security_headers(response);
  return response;
}

std::string random_id() {
  thread_local std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

}  // namespace atelier::server
