// Where models come from: a path, a hub id ("org/name", "org/name:Q4_K_M") or a name of the built-in
// catalogue, and how they get here: the Hugging Face hub, ModelScope, or the package registry; always
// resumed, locked, hashed and renamed into place whole. Cache layout: hub_cache.h. Environment:
// hub_settings.h. Any thread; calls block, fetch_model for as long as the download takes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace atelier::formats {

struct RegistryPart {
  std::string package, version, wheel_sha256, member;
  std::int64_t bytes;
};

struct CatalogueEntry {
  std::string name;    // "qwen2.5-coder-0.5b-instruct"
  std::string hub_id;  // "" where no hub holds it
  std::string file;    // the GGUF's file name
  std::string architecture, quantisation, license;
  std::int64_t bytes;
  std::string sha256;
  std::vector<RegistryPart> parts;
};

const std::vector<CatalogueEntry>& catalogue();

struct LocatedModel {
  std::filesystem::path path;  // a .gguf file or a folder
  std::string id;  // what the API calls it: hub id or catalogue name, else the file's name without ending
};

// Finds MODEL on this machine without any network; kNotFound says what was looked for and how to get it.
Result<LocatedModel> locate_model(const std::string& model);

// What goes before the environment; "": the environment's.
struct HubWishes {
  std::string cache;  // the folder with models--org--name in it
  std::string token;
};

// As locate_model, but fetches what is missing, with a progress bar on stderr.
Result<LocatedModel> fetch_model(const std::string& model, const HubWishes& wishes = {});

// The models of hubs that lie whole in the cache, by id ("org/name", "org/name:Q4_K_M").
struct HereModel {
  std::string id;
  std::filesystem::path path;
  std::int64_t bytes;
};
std::vector<HereModel> models_here();

// The cached file of a catalogue entry, if it is here.
std::optional<std::filesystem::path> cached_file(const CatalogueEntry& entry);

}  // namespace atelier::formats
