#include "api/error_body.h"

#include "api/json_writer.h"

namespace atelier::api {
namespace {

struct ErrorParts {
  std::string_view message, type, param;
  int code;
};

std::string write(const ErrorParts& parts) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("error").begin_object();
  json.member("message", parts.message).member("type", parts.type).key("param");
  parts.param.empty() ? json.null() : json.string(parts.param);
  json.member("code", parts.code).end_object().end_object();
  return out;
}

std::string_view anthropic_type(int status) {
  switch (status) {
    case 400:
      return "invalid_request_error";
    case 401:
      return "authentication_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    default:
      return "api_error";
  }
}

std::string write_anthropic(std::string_view type, std::string_view message) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("type", "error").key("error").begin_object();
  json.member("type", type).member("message", message).end_object().end_object();
  return out;
}

}  // namespace

ErrorKind error_kind(Fault fault) {
  switch (fault) {
    case Fault::kBadRequest:
    case Fault::kTooLong:
    case Fault::kUnsupported:
      return {400, "BadRequestError"};
    case Fault::kNotFound:
      return {404, "NotFoundError"};
    case Fault::kOverloaded:
    case Fault::kCancelled:
      return {503, "ServiceUnavailableError"};
    case Fault::kCorrupt:
    case Fault::kIo:
    case Fault::kNetwork:
    case Fault::kInternal:
      break;
  }
  return {500, "InternalServerError"};
}

std::string error_body(const Failure& failure, ErrorShape shape) {
  const ErrorKind kind = error_kind(failure.fault);
  if (shape == ErrorShape::kAnthropic) return write_anthropic(anthropic_type(kind.status), failure.message);
  return write({.message = failure.message, .type = kind.type, .param = failure.param, .code = kind.status});
}

std::string error_body(int status, std::string_view type, std::string_view message) {
  return write({.message = message, .type = type, .param = {}, .code = status});
}

std::string error_body(const CodedError& error, ErrorShape shape) {
  if (shape == ErrorShape::kAnthropic) return write_anthropic(anthropic_type(error.status), error.message);
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("error").begin_object();
  json.member("message", error.message).member("type", error.type).key("param").null();
  json.member("code", error.code).end_object().end_object();
  return out;
}

}  // namespace atelier::api
