#include "config/settings.h"

#include <fmt/ranges.h>

#include "base/check.h"
#include "config/flag_value.h"

namespace atelier::config {
namespace {

constexpr std::size_t kMaxValues = 1024;  // of one flag

const Flag& row(std::string_view name) {
  const Flag* flag = find_flag(name);
  ATELIER_CHECK(flag != nullptr);
  return *flag;
}

bool is_followed(const Flag& flag, const std::vector<std::string>& values) {
  for (const std::string& value : values) {
    const auto on = flag.form == Form::kSwitch ? read_switch(value) : std::nullopt;
    const std::string_view said = on ? (*on ? "true" : "false") : std::string_view(value);
    if (!is_choice(said, flag.usual) && !is_choice(said, flag.works)) return false;
  }
  return true;
}

}  // namespace

Status Settings::set(const Flag& flag, std::vector<std::string> values) {
  const std::string name = fmt::format("--{}", flag.name);
  if (values.empty()) return fail_param(Fault::kBadRequest, name, name + " needs a value");
  if (values.size() > (flag.many ? kMaxValues : 1)) {
    return fail_param(
        Fault::kBadRequest, name,
        fmt::format("{} has {} values; {} can be", name, values.size(), flag.many ? kMaxValues : 1));
  }
  for (const std::string& value : values) ATELIER_TRY_STATUS(check_value(flag, value));
  values_.try_emplace(std::string(flag.name), std::move(values));
  return {};
}

std::vector<std::string> Settings::raw(std::string_view name) const {
  if (const auto found = values_.find(name); found != values_.end()) return found->second;
  const std::string_view preset = row(name).preset;
  return preset.empty() ? std::vector<std::string>() : std::vector<std::string>{std::string(preset)};
}

std::string Settings::text(std::string_view name) const {
  const auto values = raw(name);
  return values.empty() ? "" : values.front();
}

std::vector<std::string> Settings::texts(std::string_view name) const {
  const Flag& flag = row(name);
  if (flag.form != Form::kJsonList) return raw(name);
  std::vector<std::string> out;
  for (const std::string& value : raw(name)) {
    const auto list = read_list(flag, value);
    ATELIER_CHECK(list.has_value());
    out.insert(out.end(), list->begin(), list->end());
  }
  return out;
}

bool Settings::on(std::string_view name) const {
  ATELIER_CHECK(row(name).form == Form::kSwitch);
  return read_switch(text(name)).value_or(false);
}

std::int64_t Settings::integer(std::string_view name) const {
  return read_count(text(name)).value_or(0);
}

double Settings::number(std::string_view name) const {
  return read_number(text(name)).value_or(0);
}

std::vector<std::string> Settings::notices() const {
  std::vector<std::string> out;
  for (const Flag& flag : flags()) {
    const auto found = values_.find(flag.name);
    if (flag.instead.empty() || found == values_.end() || is_followed(flag, found->second)) continue;
    const std::string said =
        flag.form == Form::kSwitch ? found->second.front() : fmt::format("{}", fmt::join(found->second, " "));
    const bool bare = flag.form == Form::kSwitch && read_switch(said) == true;
    out.push_back(fmt::format("--{}{}{}: {}", flag.name, bare ? "" : " ", bare ? "" : said.substr(0, 80),
                              flag.instead));
  }
  return out;
}

}  // namespace atelier::config
