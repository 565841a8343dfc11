// atelier perplexity: how well a model predicts a text, and how far a compute mode is from this engine's own
// fp32.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "app/commands.h"
#include "app/model_options.h"
#include "app/report.h"
#include "app/runtime.h"
#include "app/text_score.h"
#include "base/mapped_file.h"

namespace atelier::app {
namespace {

struct PerplexityOptions {
  ModelOptions model;
  std::string file, score = "all", kl_to, role = "prompt";
  std::int64_t window = 1024, tokens = 8192;
  bool json = false;
};

Result<std::vector<std::int32_t>> read_tokens(const PerplexityOptions& options,
                                              const text::Tokenizer& tokenizer) {
  ATELIER_TRY(const MappedFile file, MappedFile::open(options.file));
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  std::vector<std::int32_t> ids = tokenizer.encode(text, text::Specials::kParse);
  if (std::ssize(ids) > options.tokens) ids.resize(static_cast<std::size_t>(options.tokens));
  const std::int64_t windows = std::ssize(ids) / options.window;
  if (windows == 0) {
    return fail(Fault::kBadRequest,
                "{} gives {} tokens, less than one window of {}; --window {} or less works", options.file,
                ids.size(), options.window, ids.size());
  }
  ids.resize(static_cast<std::size_t>(windows * options.window));
  return ids;
}

// "window 3 of 8: perplexity 16.2", on one line where stderr is a terminal.
void show_progress(std::int64_t done, std::int64_t windows, double nll) {
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  fmt::print(stderr, "{}window {} of {}: perplexity {:.4f}{}", terminal ? "\r" : "", done, windows,
             std::exp(nll), !terminal || done == windows ? "\n" : "");
}

Result<TextScore> measure(const PerplexityOptions& options) {
  ATELIER_TRY(const auto runtime, start_runtime(options.model));
  if (options.window > runtime->bundle.config.max_context) {
    return fail_param(Fault::kTooLong, "--window",
                      fmt::format("--window {} is more than this model's context of {} tokens",
                                  options.window, runtime->bundle.config.max_context));
  }
  ATELIER_TRY(const auto ids, read_tokens(options, runtime->tokenizer()));
  std::unique_ptr<model::Decoder> reference;
  if (!options.kl_to.empty()) {
    reference = std::make_unique<model::Decoder>(runtime->bundle.config, runtime->weights, *runtime->ops,
                                                 *runtime->pool,
                                                 model::DecoderOptions{.compute = kernels::Compute::kF32});
  }
  return score_text(
      {.decoder = *runtime->decoder,
       .reference = reference.get(),
       .pool = *runtime->pool,
       .ids = ids,
       .window = options.window,
       .first_target = options.score == "all" ? 1 : std::max<std::int64_t>(options.window / 2, 1),
       .role = options.role == "prompt" ? kernels::TokenRole::kPrompt : kernels::TokenRole::kGenerated},
      show_progress);
}

void print(const TextScore& score, bool json) {
  const double perplexity = std::exp(score.nll);
  if (json) {
    boost::json::object out{{"tokens", score.tokens}, {"nll", score.nll}, {"perplexity", perplexity}};
    if (score.divergence) {
      out["kl_mean"] = score.divergence->mean;
      out["kl_p99"] = score.divergence->p99;
      out["same_top"] = score.divergence->same_top;
    }
    fmt::print("{}\n", boost::json::serialize(out));
    return;
  }
  fmt::print("tokens      {}\nnll         {:.6f}\nperplexity  {:.4f}\n", score.tokens, score.nll, perplexity);
  if (!score.divergence) return;
  fmt::print("kl mean     {:.7f}\nkl p99      {:.7f}\nsame top    {:.4f}\n", score.divergence->mean,
             score.divergence->p99, score.divergence->same_top);
}

}  // namespace

void add_perplexity(CLI::App& root, Chosen& chosen) {
  auto options = std::make_shared<PerplexityOptions>();
  CLI::App* command = root.add_subcommand("perplexity", "Measure how well a model predicts a text");
  add_model_options(*command, options->model);
  command->add_option("--file", options->file, "the text")->required()->check(CLI::ExistingFile);
  command->add_option("--window", options->window, "tokens of one window; each is scored alone")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 30))
      ->capture_default_str();
  command->add_option("--tokens", options->tokens, "tokens of the text to use, at most")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 40))
      ->capture_default_str();
  command->add_option("--score", options->score, "all, or the second half of each window")
      ->check(CLI::IsMember({"all", "second-half"}))
      ->capture_default_str();
  command->add_option("--kl-to", options->kl_to, "also the divergence from this mode")
      ->check(CLI::IsMember({"fp32"}));
  command
      ->add_option("--role", options->role,
                   "compute the text as a prompt is computed, or as generated tokens are")
      ->check(CLI::IsMember({"prompt", "generated"}));
  command->add_flag("--json", options->json, "print one JSON object");
  command->callback([&chosen, options] {
    chosen.run = [options] {
      const Result<TextScore> score = measure(*options);
      if (!score) return report(score.error());
      print(*score, options->json);
      return 0;
    };
  });
}

}  // namespace atelier::app
