#include "text/jinja_symbols.h"

namespace atelier::text::jinja {

Found Symbols::find(std::string_view name) const {
  for (const Symbols* at = this; at != nullptr; at = at->parent_) {
    const auto found = at->slots_.find(name);
    if (found != at->slots_.end()) return {&at->function_, found->second};
  }
  return {};
}

void Symbols::load(const Str* name) {
  if (find(name->view()).function == nullptr) define(name, {From::kContext, name, {}});
}

void Symbols::store(const Str* name) {
  remember_store(name);
  if (slots_.contains(name->view())) return;
  const Found outer = parent_ == nullptr ? Found{} : parent_->find(name->view());
  define(name, {outer.function == nullptr ? From::kNothing : From::kOuter, name, outer});
}

std::uint32_t Symbols::declare(const Str* name) {
  remember_store(name);
  return define(name, {From::kParameter, name, {}});
}

void Symbols::merge_branches(std::size_t stored_before) {
  for (std::size_t i = stored_before; i < stored_.size(); ++i) {
    const Str* name = stored_[i];
    const Found outer = parent_ == nullptr ? Found{} : parent_->find(name->view());
    define(name, {outer.function == nullptr ? From::kContext : From::kOuter, name, outer});
  }
}

Place Symbols::place(const Found& found) const {
  return {function_.depth - found.function->depth, found.slot};
}

Frame Symbols::frame(Tree& tree) {
  Frame out;
  for (const auto& [slot, source] : sources_) {
    out.slots.push_back(slot);
    switch (source.from) {
      case From::kParameter:
        break;
      case From::kContext:
        out.loads.push_back({Load::From::kContext, slot, global_number(tree, source.name), {}});
        break;
      case From::kOuter:
        out.loads.push_back({Load::From::kOuter, slot, 0, place(source.outer)});
        break;
      case From::kNothing:
        out.loads.push_back({Load::From::kNothing, slot, 0, {}});
        break;
    }
  }
  return out;
}

std::uint32_t Symbols::define(const Str* name, Source source) {
  const auto [at, is_new] = slots_.try_emplace(name->view(), function_.shape.slot_count);
  if (is_new) ++function_.shape.slot_count;
  sources_[at->second] = source;
  return at->second;
}

void Symbols::remember_store(const Str* name) {
  if (stored_names_.insert(name->view()).second) stored_.push_back(name);
}

// Few names are looked up in the context; each is looked up once a rendering.
std::uint32_t global_number(Tree& tree, const Str* name) {
  const auto [at, is_new] =
      tree.global_numbers.try_emplace(name->view(), static_cast<std::uint32_t>(tree.globals.size()));
  if (is_new) tree.globals.push_back(name);
  return at->second;
}

}  // namespace atelier::text::jinja
