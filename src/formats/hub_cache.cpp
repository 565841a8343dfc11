#include "formats/hub_cache.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <system_error>
#include <utility>

#include "base/json.h"
#include "formats/hub.h"
#include "formats/model_name.h"

namespace atelier::formats {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFilesInSnapshot = 10'000, kMaxIndexBytes = 64u << 20;

std::string read_text(const fs::path& file, std::size_t max_bytes) {
  std::ifstream in(file, std::ios::binary);
  std::string text;
  char buffer[16 << 10];
  while (in.read(buffer, sizeof buffer), in.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (text.size() > max_bytes) return "";
  }
  return text;
}

Status write_text(const fs::path& file, const std::string& text) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  const fs::path aside = fmt::format("{}.{}", file.string(), ::getpid());
  std::ofstream out(aside, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) return fail(Fault::kIo, "cannot write {}", aside.string());
  fs::rename(aside, file, error);
  if (error) return fail(Fault::kIo, "cannot write {}: {}", file.string(), error.message());
  return {};
}

// Files below `snapshot` whose contents are here, as a listing.
std::vector<RepoFile> files_in(const fs::path& snapshot) {
  std::vector<RepoFile> files;
  std::error_code error;
  fs::recursive_directory_iterator at(snapshot, fs::directory_options::skip_permission_denied, error), end;
  for (; !error && at != end && files.size() < kMaxFilesInSnapshot; at.increment(error)) {
    std::error_code bad;
    if (!at->is_regular_file(bad)) continue;  // follows links: a link to a missing blob is none
    const std::int64_t bytes = static_cast<std::int64_t>(fs::file_size(at->path(), bad));
    const std::string name = at->path().lexically_relative(snapshot).generic_string();
    if (!bad) files.push_back({name, bytes, {}});
  }
  std::ranges::sort(files, {}, &RepoFile::path);
  return files;
}

// All the shards that the index names are here (no index: one file is all).
bool has_all_shards(const fs::path& snapshot) {
  std::error_code error;
  const fs::path index = snapshot / "model.safetensors.index.json";
  if (fs::exists(snapshot / "model.safetensors", error) || !fs::exists(index, error)) return true;
  const auto json = parse_json(read_text(index, kMaxIndexBytes));
  if (!json || !json->is_object()) return false;
  const auto* map = json->get_object().if_contains("weight_map");
  if (map == nullptr || !map->is_object()) return false;
  for (const auto& [tensor, file] : map->get_object()) {
    if (!file.is_string() || !is_safe_relative_path(file.get_string())) return false;
    if (!fs::is_regular_file(snapshot / std::string(file.get_string()), error)) return false;
  }
  return true;
}

}  // namespace

std::string cache_folder(std::string_view kind, const std::string& repo) {
  std::string folder(kind);
  for (std::size_t begin = 0; begin <= repo.size();) {
    const std::size_t end = std::min(repo.find('/', begin), repo.size());
    folder += fmt::format("--{}", std::string_view(repo).substr(begin, end - begin));
    begin = end + 1;
  }
  return folder;
}

RepoFolder::RepoFolder(fs::path cache, std::string folder)
    : cache_(std::move(cache)), folder_(std::move(folder)) {}

fs::path RepoFolder::blob_path(const Checksum& checksum) const {
  return cache_ / folder_ / "blobs" / checksum.hex;
}

fs::path RepoFolder::lock_path(const Checksum& checksum) const {
  return cache_ / ".locks" / folder_ / (checksum.hex + ".lock");
}

fs::path RepoFolder::snapshot_path(const std::string& commit) const {
  return cache_ / folder_ / "snapshots" / commit;
}

Status RepoFolder::link(const std::string& commit, const std::string& file, const Checksum& checksum) const {
  const fs::path place = snapshot_path(commit) / file;
  const fs::path target = fs::path(blob_path(checksum)).lexically_relative(place.parent_path());
  std::error_code error;
  fs::create_directories(place.parent_path(), error);
  if (fs::read_symlink(place, error) == target) return {};
  const fs::path aside = fmt::format("{}.{}", place.string(), ::getpid());
  fs::remove(aside, error);
  fs::create_symlink(target, aside, error);
  // A file system without symbolic links: a second name for the same file, else a copy.
  if (error) fs::create_hard_link(blob_path(checksum), aside, error);
  if (error) fs::copy_file(blob_path(checksum), aside, error);
  if (!error) fs::rename(aside, place, error);
  if (error) return fail(Fault::kIo, "cannot write {}: {}", place.string(), error.message());
  return {};
}

Status RepoFolder::set_main(const std::string& commit) const {
  return write_text(cache_ / folder_ / "refs" / "main", commit);
}

std::vector<fs::path> RepoFolder::snapshots() const {
  std::vector<std::pair<fs::file_time_type, fs::path>> found;
  std::error_code error;
  const fs::path root = cache_ / folder_ / "snapshots";
  for (fs::directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
    std::error_code bad;
    if (at->is_directory(bad)) found.emplace_back(at->last_write_time(bad), at->path());
  }
  std::ranges::sort(found, std::greater{});
  std::vector<fs::path> paths;
  for (auto& [time, path] : found) paths.push_back(std::move(path));
  std::string main = read_text(cache_ / folder_ / "refs" / "main", 256);
  main.erase(std::ranges::find_if(main, [](unsigned char c) { return c <= 0x20; }), main.end());
  const auto named = std::ranges::find(paths, root / main);
  if (!main.empty() && named != paths.end()) std::rotate(paths.begin(), named, named + 1);
  return paths;
}

Result<std::optional<CachedModel>> model_in_snapshot(const fs::path& snapshot, const std::string& repo,
                                                     const std::string& quantisation) {
  const std::vector<RepoFile> files = files_in(snapshot);
  auto chosen = choose_files(repo, files, quantisation);
  if (!chosen) {
    if (chosen.error().fault == Fault::kBadRequest) return std::unexpected(std::move(chosen).error());
    return std::nullopt;
  }
  std::int64_t bytes = 0;
  for (const RepoFile& file : *chosen) bytes += file.bytes;
  if (ends_with_any_case(chosen->back().path, ".gguf"))
    return CachedModel{snapshot / chosen->back().path, bytes};
  const bool has_config = std::ranges::find(*chosen, "config.json", &RepoFile::path) != chosen->end();
  if (!has_config || !has_all_shards(snapshot)) return std::nullopt;
  return CachedModel{snapshot, bytes};
}

std::vector<HereModel> list_cache(const fs::path& cache) {
  std::map<std::string, CachedModel> found;
  std::error_code error;
  for (fs::directory_iterator at(cache, error), end; !error && at != end; at.increment(error)) {
    const std::string folder = at->path().filename().string();
    const bool ours = folder.starts_with("modelscope--");
    if (!ours && !folder.starts_with("models--")) continue;
    std::string repo = folder.substr(folder.find("--") + 2);
    if (const auto split = repo.find("--"); split != std::string::npos)
      repo = fmt::format("{}/{}", repo.substr(0, split), repo.substr(split + 2));
    for (const fs::path& snapshot : RepoFolder(cache, folder).snapshots()) {
      if (auto whole = model_in_snapshot(snapshot, repo, ""); whole && *whole && (*whole)->path == snapshot) {
        found.try_emplace(repo, **whole);
      }
      for (const RepoFile& file : files_in(snapshot)) {
        if (!ends_with_any_case(file.path, ".gguf") || is_sharded_gguf(file.path)) continue;
        const std::string quantisation = quantisation_of(file.path);
        found.try_emplace(quantisation.empty() ? repo : repo + ":" + quantisation,
                          CachedModel{snapshot / file.path, file.bytes});
      }
    }
  }
  std::vector<HereModel> listed;
  for (auto& [id, model] : found) listed.push_back({id, std::move(model.path), model.bytes});
  return listed;
}

}  // namespace atelier::formats
