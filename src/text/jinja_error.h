// What goes wrong inside a template travels as a thrown Error, named after the exception Python would raise;
// ChatTemplate turns it into a Failure, so none leaves this room. `line` is the template's line, from 1.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace atelier::text::jinja {

enum class ErrorKind {
  kSyntax,          // TemplateSyntaxError, TemplateAssertionError, Python's SyntaxError: found while parsing
  kTemplate,        // TemplateError: raise_exception
  kRuntime,         // TemplateRuntimeError
  kUndefined,       // UndefinedError
  kSecurity,        // SecurityError: the sandbox
  kFilterArgument,  // FilterArgumentError
  kType,
  kValue,
  kZeroDivision,
  kOverflow,
  kLookup,       // IndexError, KeyError
  kAttribute,    // AttributeError
  kAssertion,    // AssertionError
  kLimit,        // a budget of ours is spent
  kUnsupported,  // Python could, we do not
};

struct Error {
  ErrorKind kind;
  std::string message;
  int line = 0;  // 0: not known yet
};

template <class... Args>
[[noreturn]] void raise(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  throw Error{kind, fmt::format(format, std::forward<Args>(args)...)};
}

}  // namespace atelier::text::jinja
