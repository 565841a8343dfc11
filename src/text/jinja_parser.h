// Parses a template into a Tree (names not yet placed: jinja_scope.h does that). Raises kSyntax with the
// line.
#pragma once

#include <memory>
#include <string>

#include "text/jinja_nodes.h"

namespace atelier::text::jinja {

constexpr int kMaxNesting = 100;     // blocks in blocks, brackets in brackets
constexpr int kMaxTreeHeight = 300;  // of one expression: a + b + c + … is as high as it is long
constexpr std::size_t kMaxSource = std::size_t{1} << 20;

std::unique_ptr<Tree> parse(std::string source);

}  // namespace atelier::text::jinja
