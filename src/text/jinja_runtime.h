// A Runtime is what one rendering owns: its budgets, its arena, its clock; and the making of values. One
// thread.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <ctime>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/chat_template.h"
#include "text/jinja_arena.h"
#include "text/jinja_big_integer.h"
#include "text/jinja_error.h"
#include "text/jinja_value.h"

namespace atelier::text::jinja {

class Runtime {
 public:
  static constexpr std::uint32_t kMaxHeight = 200;  // nesting of lists and dicts
  static constexpr std::size_t kBytesPerStep = 64;  // copying or reading this much text costs a step

  Runtime(const TemplateBudget& budget, const std::tm& now);
  Runtime(const Runtime&) = delete;

  // Spends steps, or raises kLimit.
  void step(std::int64_t count = 1) {
    steps_left_ -= count;
    if (steps_left_ < 0) refuse_steps();
  }
  void work(std::size_t bytes);  // spends steps for bytes read or written
  std::size_t max_text_bytes() const { return budget_.output_bytes; }
  void check_text_size(std::size_t bytes) const;
  const TemplateBudget& budget() const { return budget_; }
  const std::tm& now() const { return now_; }
  Arena& arena() { return arena_; }

  bool autoescape = false;
  int repr_nesting = 0;
  int iterator_nesting = 0;
  std::span<const BlockReference> blocks;  // what `self.name` finds

  // Values made in the arena. The size limits are checked and the work is charged.
  const Str* text(std::string_view bytes, bool markup = false);
  const Str* borrow(std::string_view bytes, bool markup = false);  // bytes outlive the rendering
  const Str* concatenate(const Str& left, std::string_view right, bool markup = false);
  Value list(std::span<const Value> items);  // copies the items
  Value tuple(std::span<const Value> items);
  Value pair(const Value& first, const Value& second);
  Value sequence(Kind kind, std::span<const Value> arena_items);  // takes items that live in the arena
  Dict* dict(std::span<const Entry> entries);                     // later equal keys replace earlier values
  Value number(const BigInteger& value);
  Value undefined_name(const Str* name);
  Value undefined_member(const Value& owner, const Value& name);
  Value undefined_hint(std::string_view hint);
  Value unsafe_attribute(const Value& owner, std::string_view name);

  // The caller's JSON as values: strings are borrowed, so `json` must outlive the rendering.
  Value from_json(const boost::json::value& json);

 private:
  [[noreturn]] void refuse_steps() const;
  std::uint32_t height_above(std::uint32_t highest) const;

  TemplateBudget budget_;
  std::tm now_;
  std::int64_t steps_left_;
  std::size_t uncharged_bytes_ = 0;
  Arena arena_;
};

// Held while one lazy iterator asks the next: a template can put any number of them inside each other.
class IteratorNesting {
 public:
  explicit IteratorNesting(Runtime& runtime);
  ~IteratorNesting() { --nesting_; }

 private:
  int& nesting_;
};

// Nesting of a value: 0 for what holds no others.
std::uint32_t height_of(const Value& value);

// Text that grows under the budget.
class TextBuilder {
 public:
  explicit TextBuilder(Runtime& runtime) : runtime_(runtime) {}
  void append(std::string_view more) {
    runtime_.work(more.size());
    runtime_.check_text_size(text_.size() + more.size());
    text_ += more;
  }
  void append(char c) { append(std::string_view(&c, 1)); }
  void fill(std::size_t count, char c);
  std::string& raw() { return text_; }
  const Str* finish(bool markup = false) { return runtime_.text(text_, markup); }

 private:
  Runtime& runtime_;
  std::string text_;
};

// Items that grow under the budget.
class ListBuilder {
 public:
  explicit ListBuilder(Runtime& runtime) : runtime_(runtime) {}
  void append(const Value& value) {
    runtime_.step();
    items_.push_back(value);
  }
  std::vector<Value>& raw() { return items_; }
  Value finish() { return runtime_.list(items_); }

 private:
  Runtime& runtime_;
  std::vector<Value> items_;
};

[[noreturn]] void raise_undefined(const Undefined& undefined);
std::string undefined_message(const Undefined& undefined);

}  // namespace atelier::text::jinja
