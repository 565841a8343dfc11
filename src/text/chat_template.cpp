#include "text/chat_template.h"

#include "text/jinja_find.h"
#include "text/jinja_interpreter.h"
#include "text/jinja_parser.h"
#include "text/jinja_scope.h"
#include "text/jinja_unicode.h"

namespace atelier::text {

namespace {

Fault fault_of(jinja::ErrorKind kind) {
  return kind == jinja::ErrorKind::kLimit         ? Fault::kTooLong
         : kind == jinja::ErrorKind::kUnsupported ? Fault::kUnsupported
                                                  : Fault::kBadRequest;
}

// raise_exception's message is the template author's own and stays as it is.
Failure to_failure(const jinja::Error& error) {
  if (error.kind == jinja::ErrorKind::kTemplate || error.line == 0)
    return {fault_of(error.kind), error.message, {}};
  return {
      fault_of(error.kind), fmt::format("{} (line {} of the chat template)", error.message, error.line), {}};
}

// A caller's time with the week day and the day of the year put right.
std::tm whole(std::tm time) {
  const std::time_t seconds = timegm(&time);
  gmtime_r(&seconds, &time);
  return time;
}

std::tm local_now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm out{};
  localtime_r(&seconds, &out);
  return out;
}

// The text of a message: its content, or the last part of it that has a text.
const boost::json::string* text_of(const boost::json::value& message) {
  const auto* fields = message.if_object();
  const auto* content = fields == nullptr ? nullptr : fields->if_contains("content");
  if (content == nullptr) return nullptr;
  if (const auto* parts = content->if_array()) {
    for (std::size_t i = parts->size(); i-- > 0;) {
      const auto* part = (*parts)[i].if_object();
      const auto* text = part == nullptr ? nullptr : part->if_contains("text");
      if (text != nullptr && text->is_string()) return &text->get_string();
    }
  }
  return content->if_string();
}

std::string_view stripped(std::string_view text, bool left, bool right) {
  while (left && !text.empty()) {
    std::size_t after = 0;
    if (!jinja::is_space(jinja::next_code_point(text, after))) break;
    text.remove_prefix(after);
  }
  while (right && !text.empty()) {
    std::size_t before = text.size();
    if (!jinja::is_space(jinja::previous_code_point(text, before))) break;
    text = text.substr(0, before);
  }
  return text;
}

}  // namespace

struct ChatTemplate::Parsed {
  std::unique_ptr<const jinja::Tree> tree;
};

ChatTemplate::ChatTemplate(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::parse(std::string source) {
  try {
    auto tree = jinja::parse(std::move(source));
    jinja::place_names(*tree);
    return ChatTemplate(std::make_shared<const Parsed>(std::move(tree)));
  } catch (const jinja::Error& error) {
    return std::unexpected(to_failure(error));
  }
}

Result<std::string> ChatTemplate::render(const boost::json::object& context, TemplateBudget budget,
                                         std::optional<std::tm> now) const {
  jinja::Runtime runtime(budget, now ? whole(*now) : local_now());
  std::optional<jinja::Interpreter> interpreter;
  try {
    interpreter.emplace(*parsed_->tree, runtime, context);
    return interpreter->render();
  } catch (jinja::Error& error) {
    if (error.line == 0 && interpreter) error.line = interpreter->line();
    return std::unexpected(to_failure(error));
  } catch (const std::bad_alloc&) {
    return fail(Fault::kOverloaded, "not enough memory to render the chat template");
  }
}

const std::string& ChatTemplate::source() const {
  return parsed_->tree->source;
}

Result<std::string> cut_after_final_message(std::string prompt, const boost::json::object& context) {
  const auto* messages = context.if_contains("messages");
  const auto* list = messages == nullptr ? nullptr : messages->if_array();
  const auto* text = list == nullptr || list->empty() ? nullptr : text_of(list->back());
  if (text == nullptr) {
    return fail_param(Fault::kBadRequest, "continue_final_message",
                      "the final message has no text to continue");
  }
  const std::string_view message(text->data(), text->size());
  const std::string_view bare = stripped(message, true, true);
  const std::size_t at = jinja::find_last_text(prompt, bare);
  if (at == std::string::npos) {
    return fail_param(Fault::kBadRequest, "continue_final_message",
                      "the final message does not appear in the prompt that the chat template makes of it");
  }
  // The template may have trimmed the message; spaces that it kept at the end are kept here too.
  const std::string_view kept = stripped(message, true, false);
  const bool whole = std::string_view(prompt).substr(at).starts_with(kept) && kept == message;
  prompt.resize(at + (whole ? kept.size() : bare.size()));
  return prompt;
}

}  // namespace atelier::text
