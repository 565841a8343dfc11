// A ChatTemplate is a model's Jinja template, parsed once and rendered in our own interpreter under budgets:
// a template from a hostile file can cost a bounded amount of time and memory and reaches nothing outside its
// context. Immutable once parsed: any number of threads may render at the same time.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace atelier::text {

struct TemplateBudget {
  std::int64_t steps = 1'000'000;
  std::size_t output_bytes = 4u << 20;
  int depth = 200;  // macros, blocks and recursive loops inside each other, as deep as Python goes
};

class ChatTemplate {
 public:
  static Result<ChatTemplate> parse(std::string source);
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // `context`: messages, tools, add_generation_prompt, bos_token, … as the template's variables.
  // Equal to transformers' environment (trim_blocks, lstrip_blocks, loop controls, tojson, raise_exception,
  // strftime_now with `now`, default the current local time).
  Result<std::string> render(const boost::json::object& context, TemplateBudget budget = {},
                             std::optional<std::tm> now = std::nullopt) const;

  const std::string& source() const;

 private:
  struct Parsed;
  explicit ChatTemplate(std::shared_ptr<const Parsed> parsed);
  std::shared_ptr<const Parsed> parsed_;
};

// What `continue_final_message` asks for: the prompt up to the end of the last message's text, so that the
// model goes on writing it. Fails where that text is not to be found in the prompt.
Result<std::string> cut_after_final_message(std::string prompt, const boost::json::object& context);

}  // namespace atelier::text
