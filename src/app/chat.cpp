// atelier chat: a conversation in the terminal. Ctrl-C stops the answer, Ctrl-D or /exit leaves.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "app/chat_defaults.h"
#include "app/chat_line.h"
#include "app/commands.h"
#include "app/conversation.h"
#include "app/model_options.h"
#include "app/report.h"
#include "app/runtime.h"

namespace atelier::app {
namespace {

constexpr const char* kHelp =
    "/clear   forget the conversation and start over\n"
    "/exit    leave (Ctrl-D too)\n"
    "/help    this\n"
    "Ctrl-C   stop the answer\n";

struct ChatOptions {
  ModelOptions model;
  std::string system;
  std::int64_t max_tokens = 0;  // 0 = what the context holds
  std::optional<float> temperature, top_p;
  std::optional<std::uint64_t> seed;
};

sample::SamplingOptions sampling_of(const ChatOptions& options, const bundle::ModelBundle& bundle) {
  sample::SamplingOptions sampling = chat_defaults(bundle.generation, bundle.config.architecture);
  if (options.temperature) sampling.temperature = *options.temperature;
  if (options.top_p) sampling.top_p = *options.top_p;
  sampling.seed = options.seed;
  return sampling;
}

// One turn: prints the answer as it comes. A turn that could not be answered says why and is forgotten.
void answer(Conversation& conversation, const std::string& question) {
  const auto show = [](const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  };
  const Result<TurnEnd> end = conversation.ask(question, show);
  if (!end) {
    fmt::print(stderr, "{}\n", end.error().message);
    return;
  }
  fmt::print("\n");
  std::fflush(stdout);
  if (*end == TurnEnd::kInterrupted) fmt::print(stderr, "[stopped]\n");
  if (*end == TurnEnd::kLength) fmt::print(stderr, "[{}]\n", conversation.why_cut());
}

Status chat(const ChatOptions& options) {
  ATELIER_TRY(const auto runtime, start_runtime(options.model));
  if (!runtime->bundle.chat_template) {
    return fail(Fault::kUnsupported, "{} has no chat template; `atelier complete` continues plain text",
                runtime->id);
  }
  ATELIER_TRY_STATUS(runtime->start_engine({}));
  Conversation conversation(*runtime, {.system = options.system,
                                       .sampling = sampling_of(options, runtime->bundle),
                                       .max_tokens = options.max_tokens});
  LineReader lines;
  if (lines.interactive()) {
    fmt::print(stderr, "{}, {} tokens of context. /help lists the commands.\n", runtime->id,
               runtime->engine->config().max_model_len);
  }
  while (const std::optional<std::string> line = lines.next()) {
    if (line->find_first_not_of(" \t\r") == std::string::npos) continue;
    if (*line == "/exit" || *line == "/quit") break;
    if (*line == "/help") {
      fmt::print(stderr, "{}", kHelp);
    } else if (*line == "/clear") {
      conversation.clear();
      fmt::print(stderr, "[a new conversation]\n");
    } else if (line->starts_with("/") && line->find(' ') == std::string::npos) {
      fmt::print(stderr, "there is no command {}; /help lists them\n", *line);
    } else {
      answer(conversation, *line);
    }
  }
  return {};
}

}  // namespace

void add_chat(CLI::App& root, Chosen& chosen) {
  auto options = std::make_shared<ChatOptions>();
  CLI::App* command = root.add_subcommand("chat", "Talk to a model in the terminal");
  add_model_options(*command, options->model);
  command->add_option("--system", options->system,
                      "what the model is told about itself (default: its template's)");
  command
      ->add_option("--max-tokens", options->max_tokens,
                   "tokens of one answer (default: what the context holds)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30));
  command
      ->add_option("--temperature", options->temperature,
                   "0 = always the most likely token (default: the model's)")
      ->check(CLI::Range(0.0f, 100.0f));
  command
      ->add_option("--top-p", options->top_p,
                   "share of the likeliest tokens to draw from (default: the model's)")
      ->check(CLI::Range(1e-6f, 1.0f));
  command->add_option("--seed", options->seed, "makes answers repeatable");
  command->callback([&chosen, options] {
    chosen.run = [options] {
      const Status status = chat(*options);
      return status ? 0 : report(status.error());
    };
  });
}

}  // namespace atelier::app
