// atelier models: the catalogue, and which models are on this machine.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <memory>
#include <string>
#include <vector>

#include "app/commands.h"
#include "base/table.h"
#include "base/terminal.h"
#include "formats/model_hub.h"

namespace atelier::app {
namespace {

// Models of hubs that are here and are not a catalogue entry's file.
std::vector<formats::HereModel> others_here() {
  std::vector<formats::HereModel> others = formats::models_here();
  for (const auto& entry : formats::catalogue()) {
    if (const auto file = formats::cached_file(entry)) {
      std::erase_if(others, [&](const formats::HereModel& model) { return model.path == *file; });
    }
  }
  return others;
}

void print_json() {
  boost::json::array entries, others;
  for (const auto& entry : formats::catalogue()) {
    const auto file = formats::cached_file(entry);
    entries.push_back(
        {{"name", entry.name},
         {"hub_id", entry.hub_id.empty() ? boost::json::value() : boost::json::value(entry.hub_id)},
         {"file", entry.file},
         {"architecture", entry.architecture},
         {"quantisation", entry.quantisation},
         {"license", entry.license},
         {"bytes", entry.bytes},
         {"path", file ? boost::json::value(file->string()) : boost::json::value()}});
  }
  for (const auto& model : others_here()) {
    others.push_back({{"id", model.id}, {"bytes", model.bytes}, {"path", model.path.string()}});
  }
  const boost::json::object all{{"catalogue", std::move(entries)}, {"cached", std::move(others)}};
  fmt::print("{}\n", boost::json::serialize(all));
}

void print_tables() {
  using Align = Table::Align;
  Table table({{"NAME"}, {"SIZE", Align::kRight}, {"WEIGHTS"}, {"LICENCE"}, {"HERE"}});
  for (const auto& entry : formats::catalogue()) {
    const std::string here = formats::cached_file(entry) ? paint("yes", Colour::kGreen, stdout) : "no";
    table.add({entry.name, format_bytes(entry.bytes), entry.quantisation, entry.license, here});
  }
  fmt::print("{}", table.text());
  const auto others = others_here();
  if (others.empty()) return;
  Table more({{"ALSO HERE"}, {"SIZE", Align::kRight}});
  for (const auto& model : others) more.add({model.id, format_bytes(model.bytes)});
  fmt::print("\n{}", more.text());
}

}  // namespace

void add_models(CLI::App& root, Chosen& chosen) {
  const auto json = std::make_shared<bool>(false);
  CLI::App* command =
      root.add_subcommand("models", "List known models, their sizes and what is here already");
  command->add_flag("--json", *json, "Print {\"catalogue\": [...], \"cached\": [...]}");
  command->callback([json, &chosen] {
    chosen.run = [json] {
      *json ? print_json() : print_tables();
      return 0;
    };
  });
}

}  // namespace atelier::app
