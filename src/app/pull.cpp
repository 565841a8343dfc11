// atelier pull MODEL: brings a model here and prints where it lies.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <string>

#include "app/commands.h"
#include "base/log.h"
#include "formats/model_hub.h"

namespace atelier::app {
namespace {

constexpr const char* kEnvironment =
    "MODEL is a hub id (org/name, or org/name:Q4_K_M for that GGUF of it), a name that `atelier models` "
    "lists, or\n"
    "a file or folder. It is taken from the Hugging Face hub, else from ModelScope; models of the catalogue "
    "also\n"
    "from the package registry. Interrupted, the next pull goes on where this one stopped.\n\n"
    "Environment:\n"
    "  HF_HUB_CACHE, HF_HOME      where models lie (default ~/.cache/huggingface/hub)\n"
    "  HF_TOKEN, HF_TOKEN_PATH    your token for private and gated models\n"
    "  HF_ENDPOINT                the hub, or a mirror of it\n"
    "  MODELSCOPE_ENDPOINT        ModelScope, or a mirror of it\n"
    "  HF_HUB_OFFLINE=1           only what is here already\n"
    "  ATELIER_PATIENCE           seconds without progress before a download is given up (default 60)\n"
    "  ATELIER_PIP                the Python package client (default \"python3 -m pip\")";

int pull(const std::string& model, bool json) {
  const auto located = formats::fetch_model(model);
  if (!located) {
    log_error("{}", located.error().message);
    return 1;
  }
  if (json) {
    const boost::json::object result{{"id", located->id}, {"path", located->path.string()}};
    fmt::print("{}\n", boost::json::serialize(result));
  } else {
    fmt::print("{}\n", located->path.string());
  }
  return 0;
}

}  // namespace

void add_pull(CLI::App& root, Chosen& chosen) {
  struct Flags {
    std::string model;
    bool json = false;
  };
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = root.add_subcommand("pull", "Fetch a model and print where it lies");
  command->add_option("MODEL", flags->model, "What to fetch")->required();
  command->add_flag("--json", flags->json, "Print {\"id\", \"path\"}");
  command->footer(kEnvironment);
  command->callback([flags, &chosen] { chosen.run = [flags] { return pull(flags->model, flags->json); }; });
}

}  // namespace atelier::app
