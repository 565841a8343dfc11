// A Result is a value or a Failure. Whatever a client, a file or a peer can cause travels as a Failure; what
// only our own mistakes can cause is an ATELIER_CHECK (base/check.h).
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

namespace atelier {

enum class Fault {
  kBadRequest,   // a value that cannot be: wrong type, out of range
  kTooLong,      // more tokens than the context holds
  kNotFound,     // no such model, file, route
  kUnsupported,  // well formed, but this program or this machine cannot do it
  kCorrupt,      // a file that contradicts itself or its checksum
  kIo,           // the disk or the file system refused
  kNetwork,      // the other side did not answer, or not as agreed
  kOverloaded,   // full at the moment; later is fine
  kCancelled,    // the client went away or asked to stop
  kInternal,     // our mistake
};

struct Failure {
  Fault fault;
  std::string message;  // names the value, the limit and the nearest thing that works
  std::string param;    // the field at fault, where there is one ("max_tokens")
};

template <class T>
using Result = std::expected<T, Failure>;
using Status = Result<void>;

// return fail(Fault::kTooLong, "prompt has {} tokens; this model takes {}", got, limit);
template <class... Args>
std::unexpected<Failure> fail(Fault fault, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Failure{fault, fmt::format(format, std::forward<Args>(args)...), {}});
}

inline std::unexpected<Failure> fail_param(Fault fault, std::string param, std::string message) {
  return std::unexpected(Failure{fault, std::move(message), std::move(param)});
}

}  // namespace atelier

#define ATELIER_CONCAT_(a, b) a##b
#define ATELIER_CONCAT(a, b) ATELIER_CONCAT_(a, b)

// ATELIER_TRY(auto file, MappedFile::open(path)); -- binds the value or returns the Failure.
#define ATELIER_TRY(declaration, ...)                                              \
  auto ATELIER_CONCAT(attempt_, __LINE__) = (__VA_ARGS__);                         \
  if (!ATELIER_CONCAT(attempt_, __LINE__))                                         \
    return std::unexpected(std::move(ATELIER_CONCAT(attempt_, __LINE__)).error()); \
  declaration = std::move(*ATELIER_CONCAT(attempt_, __LINE__))

// ATELIER_TRY_STATUS(check_header(bytes)); -- for Status, or a value nobody needs.
#define ATELIER_TRY_STATUS(...)                                                                     \
  do {                                                                                              \
    if (auto attempt = (__VA_ARGS__); !attempt) return std::unexpected(std::move(attempt).error()); \
  } while (false)
