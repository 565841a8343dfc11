// atelier render: a JSON context on stdin becomes a prompt on stdout, through a model's chat template or one
// in a file.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "app/commands.h"
#include "base/json.h"
#include "bundle/model_bundle.h"
#include "formats/model_hub.h"
#include "text/chat_template.h"

namespace atelier::app {

namespace {

struct RenderOptions {
  std::string model, template_file, now;
};

std::string read_all(std::istream& in) {
  return {std::istreambuf_iterator<char>(in), {}};
}

Result<text::ChatTemplate> template_from_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Fault::kIo, "cannot read the template {}", path);
  return text::ChatTemplate::parse(read_all(in));
}

// "2025-07-26T14:05:09"
Result<std::optional<std::tm>> parse_clock(const std::string& text) {
  if (text.empty()) return std::optional<std::tm>();
  std::tm out{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &out);
  if (end == nullptr || *end != '\0') {
    return fail(Fault::kBadRequest, "--now {} is no time; write it as 2025-07-26T14:05:09", text);
  }
  return std::optional<std::tm>(out);
}

Result<boost::json::object> read_context() {
  ATELIER_TRY(auto json, parse_json(read_all(std::cin)));
  if (!json.is_object()) return fail(Fault::kBadRequest, "the context on stdin is JSON, but no object");
  return std::move(json.get_object());
}

struct Source {
  text::ChatTemplate chat_template;
  std::string bos, eos;  // "" where a bare template is rendered
};

Result<Source> open_source(const RenderOptions& options) {
  if (!options.template_file.empty()) {
    ATELIER_TRY(auto from_file, template_from_file(options.template_file));
    return Source{std::move(from_file), {}, {}};
  }
  ATELIER_TRY(const auto located, formats::fetch_model(options.model));
  ATELIER_TRY(auto bundle, bundle::open_bundle(located.path));
  if (!bundle.chat_template)
    return fail(Fault::kUnsupported, "{} has no chat template; give one with --template FILE", options.model);
  return Source{std::move(*bundle.chat_template), bundle.bos_text(), bundle.eos_text()};
}

// As transformers does: the model's own tokens, unless the context says otherwise.
void add_tokens(boost::json::object& context, const Source& source) {
  if (!source.bos.empty()) context.emplace("bos_token", source.bos);
  if (!source.eos.empty()) context.emplace("eos_token", source.eos);
}

bool take_flag(boost::json::object& context, std::string_view name) {
  const auto* found = context.if_contains(name);
  const bool out = found != nullptr && found->is_bool() && found->get_bool();
  context.erase(name);
  return out;
}

Result<std::string> render(const RenderOptions& options) {
  ATELIER_TRY(const Source source, open_source(options));
  ATELIER_TRY(const auto now, parse_clock(options.now));
  ATELIER_TRY(auto context, read_context());
  add_tokens(context, source);
  const bool continues = take_flag(context, "continue_final_message");
  ATELIER_TRY(auto prompt, source.chat_template.render(context, {}, now));
  return continues ? text::cut_after_final_message(std::move(prompt), context) : std::move(prompt);
}

int run(const RenderOptions& options) {
  const auto prompt = render(options);
  if (!prompt) {
    fmt::print(stderr, "{}\n", prompt.error().message);
    return 1;
  }
  std::fwrite(prompt->data(), 1, prompt->size(), stdout);
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace

void add_render(CLI::App& root, Chosen& chosen) {
  auto options = std::make_shared<RenderOptions>();
  CLI::App* command =
      root.add_subcommand("render", "Render a chat template: JSON context on stdin, prompt on stdout");
  command->add_option("MODEL", options->model, "A model's name, hub id or path");
  command->add_option("--template", options->template_file, "A Jinja template instead of a model's");
  command->add_option("--now", options->now, "The template's clock, as 2025-07-26T14:05:09");
  command->callback([options, &chosen] {
    if (options->model.empty() == options->template_file.empty())
      throw CLI::ValidationError("render takes MODEL or --template FILE, one of the two");
    chosen.run = [options] { return run(*options); };
  });
}

}  // namespace atelier::app
