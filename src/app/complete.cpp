// atelier complete: continues one prompt, taken as it is, and prints the continuation.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/generate.h"
#include "app/model_options.h"
#include "app/report.h"
#include "app/runtime.h"
#include "base/mapped_file.h"
#include "text/stream_decoder.h"

namespace atelier::app {
namespace {

struct CompleteOptions {
  ModelOptions model;
  std::string prompt, file;
  std::vector<std::int32_t> prompt_ids;
  bool from_ids = false, from_file = false;
  std::int64_t max_tokens = 128;
  float temperature = 0;
  std::optional<std::uint64_t> seed;
  std::int32_t logprobs = -1;
  bool ignore_eos = false, json = false;
};

Result<std::vector<std::int32_t>> read_prompt(const CompleteOptions& options,
                                              const text::Tokenizer& tokenizer) {
  if (options.from_ids) return options.prompt_ids;
  if (!options.from_file) return tokenizer.encode(options.prompt, text::Specials::kParse);
  ATELIER_TRY(const MappedFile file, MappedFile::open(options.file));
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  return tokenizer.encode(text, text::Specials::kParse);
}

boost::json::value logprobs_json(const std::vector<engine::TokenEvent>& tokens) {
  boost::json::array out;
  for (const engine::TokenEvent& token : tokens) {
    boost::json::array top;
    for (const auto& [id, logprob] : token.top) top.push_back(boost::json::array{id, logprob});
    out.push_back(boost::json::object{{"id", token.id}, {"logprob", token.logprob}, {"top", std::move(top)}});
  }
  return out;
}

boost::json::object answer_json(const std::vector<std::int32_t>& prompt, const Generated& answer,
                                const CompleteOptions& options, const text::Tokenizer& tokenizer) {
  std::vector<std::int32_t> ids;
  for (const engine::TokenEvent& token : answer.tokens) ids.push_back(token.id);
  boost::json::object out;
  out["prompt_token_ids"] = boost::json::array(prompt.begin(), prompt.end());
  out["token_ids"] = boost::json::array(ids.begin(), ids.end());
  out["text"] = tokenizer.decode(ids);
  out["finish_reason"] = answer.end.reason == engine::FinishReason::kStop ? "stop" : "length";
  out["logprobs"] = options.logprobs >= 0 ? logprobs_json(answer.tokens) : boost::json::value(nullptr);
  return out;
}

Status complete(const CompleteOptions& options) {
  ATELIER_TRY(const auto runtime, start_runtime(options.model));
  const text::Tokenizer& tokenizer = runtime->tokenizer();
  ATELIER_TRY(const std::vector<std::int32_t> prompt, read_prompt(options, tokenizer));
  ATELIER_TRY_STATUS(runtime->start_engine({}));

  engine::GenerationRequest request;
  request.prompt = prompt;
  request.sampling.temperature = options.temperature;
  request.sampling.seed = options.seed;
  request.sampling.logprobs = options.logprobs;
  request.max_tokens = options.max_tokens;
  request.stop_ids = tokenizer.data().stop_ids;
  request.ignore_eos = options.ignore_eos;

  text::StreamDecoder decoder(tokenizer, {.stop = {}, .skip_special_tokens = false});
  const auto show = [&](const std::string& text) {
    if (options.json) return;
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  };
  ATELIER_TRY(const Generated answer, generate(*runtime->engine, std::move(request),
                                               [&](std::int32_t id) { show(decoder.feed(id)); }));
  if (options.json) {
    fmt::print("{}\n", boost::json::serialize(answer_json(prompt, answer, options, tokenizer)));
  } else {
    show(decoder.finish() + "\n");
  }
  return {};
}

}  // namespace

void add_complete(CLI::App& root, Chosen& chosen) {
  auto options = std::make_shared<CompleteOptions>();
  CLI::App* command = root.add_subcommand("complete", "Continue a prompt");
  add_model_options(*command, options->model);
  auto* source = command->add_option_group("prompt", "where the prompt comes from");
  source->add_option("--prompt", options->prompt,
                     "the prompt, as it is; special tokens in it are recognised");
  auto* ids = source->add_option("--prompt-ids", options->prompt_ids, "the prompt as token ids: 1,2,3");
  ids->delimiter(',');
  auto* file = source->add_option("--file", options->file, "a file that holds the prompt");
  file->check(CLI::ExistingFile);
  source->require_option(1);
  command->add_option("--max-tokens", options->max_tokens, "tokens of output at most")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30))
      ->capture_default_str();
  command->add_option("--temperature", options->temperature, "0 = always the most likely token")
      ->check(CLI::Range(0.0f, 100.0f))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "makes a temperature above 0 repeatable");
  command->add_option("--logprobs", options->logprobs, "also the K most likely tokens of each step")
      ->check(CLI::Range(0, 1 << 20));
  command->add_flag("--ignore-eos", options->ignore_eos, "go on past the end token");
  command->add_flag("--json", options->json, "print one JSON object");
  command->callback([&chosen, options, ids, file] {
    options->from_ids = ids->count() > 0;
    options->from_file = file->count() > 0;
    chosen.run = [options] {
      const Status status = complete(*options);
      return status ? 0 : report(status.error());
    };
  });
}

}  // namespace atelier::app
