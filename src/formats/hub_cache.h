// The cache of models on this machine, laid out as Hugging Face's own client does, so that either finds what
// the other fetched: <cache>/models--org--name/{blobs/<hash>, snapshots/<commit>/<file> ->
// ../../blobs/<hash>, refs/main}. Beside it, ours alone: modelscope--org--name (the same inside) and
// atelier--<catalogue name>/<file>.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/digest.h"
#include "formats/model_hub.h"

namespace atelier::formats {

// ("models", "org/name") -> "models--org--name"
std::string cache_folder(std::string_view kind, const std::string& repo);

// One repository's folder in the cache. No locking: see FileLock and lock_path.
class RepoFolder {
 public:
  RepoFolder(std::filesystem::path cache, std::string folder);

  std::filesystem::path blob_path(const Checksum& checksum) const;
  std::filesystem::path lock_path(const Checksum& checksum) const;
  std::filesystem::path snapshot_path(const std::string& commit) const;

  // snapshots/<commit>/<file> points at the blob from now on. `file` is a safe relative path.
  Status link(const std::string& commit, const std::string& file, const Checksum& checksum) const;
  // refs/main names `commit`.
  Status set_main(const std::string& commit) const;

  // Snapshots on this machine: the one refs/main names, then the others, newest first.
  std::vector<std::filesystem::path> snapshots() const;

 private:
  std::filesystem::path cache_, folder_;
};

// A model that lies whole in a snapshot: a folder with all its safetensors, or a GGUF file.
struct CachedModel {
  std::filesystem::path path;
  std::int64_t bytes;
};

// What `quantisation` ("" for none) means in a snapshot folder; nullopt where it is not here whole. Several
// GGUF files and no quantisation: kBadRequest naming them.
Result<std::optional<CachedModel>> model_in_snapshot(const std::filesystem::path& snapshot,
                                                     const std::string& repo,
                                                     const std::string& quantisation);

// All models in the cache that came from a hub, by id. Sorted.
std::vector<HereModel> list_cache(const std::filesystem::path& cache);

}  // namespace atelier::formats
