#include "app/serve_flags.h"

#include <CLI/CLI.hpp>

#include "config/config_file.h"

namespace atelier::app {
namespace {

constexpr int kMostValues = 1024;

std::string help_of(const config::Flag& flag) {
  const bool no_effect = !flag.instead.empty() && flag.works.empty();
  return fmt::format("{}{}{}", flag.help,
                     flag.preset.empty() || no_effect ? "" : fmt::format(" [{}]", flag.preset),
                     no_effect ? " (no effect here)" : "");
}

CLI::Option* add(CLI::App& command, const config::Flag& flag) {
  const std::string name = fmt::format("--{}", flag.name);
  const std::string help = help_of(flag);
  CLI::Option* option = nullptr;
  if (flag.form == config::Form::kSwitch) {
    option = command.add_flag(fmt::format("{},!--no-{}", name, flag.name), help);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  } else {
    const auto ignore = [](const std::vector<std::string>&) {};  // read by results()
    option = command.add_option_function<std::vector<std::string>>(name, ignore, help);
    option->type_name(std::string(flag.value));
    flag.many ? option->expected(1, kMostValues) : option->expected(1)->take_last();
    option->allow_extra_args(false);  // else CLI11 takes "[…]" apart itself
  }
  option->group(std::string(flag.group));
  return option;
}

}  // namespace

ServeFlags::ServeFlags(CLI::App& command) : command_(command) {
  command.add_option("MODEL", positional_model_, "a file, a folder, a hub id or a catalogue name");
  command.add_option("--config", config_file_, "a YAML file of these flags; the command line goes before it")
      ->type_name("FILE");
  for (const config::Flag& flag : config::flags()) given_.push_back({&flag, add(command, flag)});
  command.allow_extras();  // told with the nearest flag
}

Status ServeFlags::refuse_extras() const {
  for (const std::string& word : command_.remaining()) {
    if (!word.starts_with("--")) {
      return fail_param(Fault::kBadRequest, "--model",
                        fmt::format("what is \"{}\"? MODEL is given once", word));
    }
    const std::string name = word.substr(2, word.find('=') - 2);
    return fail_param(
        Fault::kBadRequest, word,
        fmt::format("there is no flag --{}; the nearest is --{}", name, config::nearest_flag(name)));
  }
  return {};
}

Result<config::Settings> ServeFlags::settings() const {
  ATELIER_TRY_STATUS(refuse_extras());
  config::Settings settings;
  for (const Given& given : given_) {
    if (given.option->count() == 0) continue;
    ATELIER_TRY_STATUS(settings.set(*given.flag, given.option->reduced_results()));
  }
  if (!positional_model_.empty()) {
    if (settings.given("model") && settings.text("model") != positional_model_) {
      return fail_param(Fault::kBadRequest, "--model",
                        fmt::format("MODEL is {}, and --model {}: one model is served", positional_model_,
                                    settings.text("model")));
    }
    ATELIER_TRY_STATUS(settings.set(*config::find_flag("model"), {positional_model_}));
  }
  if (!config_file_.empty()) ATELIER_TRY_STATUS(config::read_config_file(config_file_, settings));
  ATELIER_TRY_STATUS(config::add_environment(settings));
  return settings;
}

}  // namespace atelier::app
