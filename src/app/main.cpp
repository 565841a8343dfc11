// atelier: one program to serve, share, shrink, tune and watch Qwen2.5. main parses the command line and
// hands over.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "app/commands.h"
#include "config/spelling.h"

int main(int argc, char** argv) {
  using namespace atelier;
  using namespace atelier::app;
  CLI::App root{"Atelier runs Qwen2.5 for your team.", "atelier"};
  root.require_subcommand(1);
  Chosen chosen;
  add_serve(root, chosen);
  add_chat(root, chosen);
  add_complete(root, chosen);
  add_perplexity(root, chosen);
  add_bench(root, chosen);
  add_inspect(root, chosen);
  add_tokenize(root, chosen);
  add_detokenize(root, chosen);
  add_models(root, chosen);
  add_plan(root, chosen);
  add_pull(root, chosen);
  add_render(root, chosen);
  add_version(root, chosen);
  try {
    std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    if (!words.empty() && (words.front() == "serve" || words.front() == "plan"))
      words = config::plain_spelling(std::move(words));
    std::ranges::reverse(words);  // as CLI11 takes them
    root.parse(words);
  } catch (const CLI::CallForHelp& help) {
    return root.exit(help);
  } catch (const CLI::ParseError& error) {
    root.exit(error);
    return 2;
  }
  return chosen.run();
}
