#include "formats/hub_settings.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace atelier::formats {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<fs::path> home_folder() {
  if (const std::string home = variable("HOME"); !home.empty()) return home;
  const passwd* user = ::getpwuid(::getuid());
  if (user != nullptr && user->pw_dir != nullptr && *user->pw_dir != '\0') return user->pw_dir;
  return fail(Fault::kBadRequest, "no home folder: set HF_HOME or HF_HUB_CACHE to say where models live");
}

// "~" and "~/x" -> the home folder.
Result<fs::path> expanded(const std::string& path) {
  if (path != "~" && !path.starts_with("~/")) return fs::path(path);
  ATELIER_TRY(fs::path home, home_folder());
  return path == "~" ? home : home / path.substr(2);
}

Result<fs::path> hugging_face_home() {
  if (const std::string home = variable("HF_HOME"); !home.empty()) return expanded(home);
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty())
    return fs::path(cache) / "huggingface";
  ATELIER_TRY(fs::path home, home_folder());
  return home / ".cache" / "huggingface";
}

Result<std::string> endpoint(const char* name, std::string fallback) {
  std::string url = variable(name);
  if (url.empty()) url = std::move(fallback);
  while (url.ends_with('/')) url.pop_back();
  const auto bad = [](unsigned char c) { return c <= 0x20 || c == 0x7F; };
  if (!(url.starts_with("http://") || url.starts_with("https://")) || std::ranges::any_of(url, bad)) {
    return fail(Fault::kBadRequest, "{}=\"{}\" is not an address like https://host", name, url);
  }
  return url;
}

std::string trimmed(std::string text) {
  const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
  text.erase(text.begin(), std::ranges::find_if_not(text, is_space));
  while (!text.empty() && is_space(static_cast<unsigned char>(text.back()))) text.pop_back();
  return text;
}

Result<std::string> read_token(const fs::path& home) {
  std::string token = trimmed(variable("HF_TOKEN"));
  if (token.empty()) {
    const std::string named = variable("HF_TOKEN_PATH");
    ATELIER_TRY(const fs::path file, named.empty() ? Result<fs::path>(home / "token") : expanded(named));
    std::ifstream in(file);
    std::string text(4096, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    token = trimmed(std::move(text));
  }
  // A line break in a token would start a header of its own.
  if (std::ranges::any_of(token, [](unsigned char c) { return c <= 0x20 || c >= 0x7F; })) {
    return fail(Fault::kBadRequest,
                "the hub's token (HF_TOKEN, HF_TOKEN_PATH or {}) holds spaces or control characters",
                (home / "token").string());
  }
  return token;
}

Result<std::chrono::seconds> read_patience() {
  const std::string text = variable("ATELIER_PATIENCE");
  if (text.empty()) return HubSettings().patience;
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 1 || seconds > 86'400) {
    return fail(Fault::kBadRequest, "ATELIER_PATIENCE=\"{}\" is no number of seconds from 1 to 86400", text);
  }
  return std::chrono::seconds(seconds);
}

bool is_true(std::string value) {
  std::ranges::transform(value, value.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return value == "1" || value == "on" || value == "yes" || value == "true";
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

}  // namespace

Result<HubSettings> read_hub_settings() {
  HubSettings settings;
  ATELIER_TRY(const fs::path home, hugging_face_home());
  const std::string cache = variable("HF_HUB_CACHE");
  ATELIER_TRY(settings.cache, cache.empty() ? Result<fs::path>(home / "hub") : expanded(cache));
  ATELIER_TRY(settings.hugging_face, endpoint("HF_ENDPOINT", "https://huggingface.co"));
  ATELIER_TRY(settings.modelscope, endpoint("MODELSCOPE_ENDPOINT", "https://modelscope.cn"));
  ATELIER_TRY(settings.token, read_token(home));
  settings.offline = is_true(variable("HF_HUB_OFFLINE"));
  ATELIER_TRY(settings.patience, read_patience());
  settings.pip = words(variable("ATELIER_PIP"));
  if (settings.pip.empty()) settings.pip = {"python3", "-m", "pip"};
  return settings;
}

}  // namespace atelier::formats
