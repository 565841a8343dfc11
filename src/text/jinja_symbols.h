// Symbols are the variables one frame of a template knows: its own, and through `parent` those around it.
#pragma once

#include <map>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "text/jinja_nodes.h"

namespace atelier::text::jinja {

// A body reached by a call; its frames share one array of slots.
struct FunctionScope {
  FunctionShape& shape;
  std::uint32_t depth;
};

// Where a name was found.
struct Found {
  const FunctionScope* function = nullptr;  // nullptr: nowhere
  std::uint32_t slot = 0;
};

class Symbols {
 public:
  Symbols(const Symbols* parent, FunctionScope& function) : parent_(parent), function_(function) {}

  Found find(std::string_view name) const;
  void load(const Str* name);              // the name is read
  void store(const Str* name);             // the name is assigned
  std::uint32_t declare(const Str* name);  // the name is a parameter: set before the frame is entered

  // What branches of an if assigned keeps its outer value where another branch is taken.
  std::size_t stored_so_far() const { return stored_.size(); }
  void merge_branches(std::size_t stored_before);

  Place place(const Found& found) const;
  Frame frame(Tree& tree);  // the loads and slots, once the frame is analysed and placed
  const std::vector<const Str*>& stored() const { return stored_; }
  const Symbols* parent() const { return parent_; }

 private:
  enum class From { kParameter, kContext, kOuter, kNothing };
  struct Source {
    From from;
    const Str* name;
    Found outer;
  };
  std::uint32_t define(const Str* name, Source source);
  void remember_store(const Str* name);

  const Symbols* parent_;
  FunctionScope& function_;
  std::unordered_map<std::string_view, std::uint32_t> slots_;
  std::map<std::uint32_t, Source> sources_;
  std::vector<const Str*> stored_;
  std::unordered_set<std::string_view> stored_names_;
};

std::uint32_t global_number(Tree& tree, const Str* name);

}  // namespace atelier::text::jinja
