// The commands of `atelier`: each file adds one to the command line. A command returns its exit status: 0
// success, 1 failure, 2 bad usage. Results go to stdout, everything else to stderr.
#pragma once

#include <CLI/App.hpp>
#include <functional>

namespace atelier::app {

// Set by the callback of the command that was chosen; main runs it after parsing.
struct Chosen {
  std::function<int()> run;
};

void add_bench(CLI::App& root, Chosen& chosen);
void add_chat(CLI::App& root, Chosen& chosen);
void add_complete(CLI::App& root, Chosen& chosen);
void add_inspect(CLI::App& root, Chosen& chosen);
void add_perplexity(CLI::App& root, Chosen& chosen);
void add_detokenize(CLI::App& root, Chosen& chosen);
void add_models(CLI::App& root, Chosen& chosen);
void add_plan(CLI::App& root, Chosen& chosen);
void add_pull(CLI::App& root, Chosen& chosen);
void add_serve(CLI::App& root, Chosen& chosen);
void add_tokenize(CLI::App& root, Chosen& chosen);
void add_render(CLI::App& root, Chosen& chosen);
void add_version(CLI::App& root, Chosen& chosen);

}  // namespace atelier::app
