// --config FILE: flags as YAML, "max-model-len: 4096", as vLLM reads them. The file is data only: no tags, no
// anchors that grow, bounded in size and depth.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "config/settings.h"

namespace atelier::config {

// Sets what the file says and `settings` does not say yet. A switch is true or false, a list gives several
// values, a mapping stands for JSON. kBadRequest, param "--config": no such flag (the nearest is named), no
// YAML, too large; a value that cannot be names its own flag.
Status read_config_file(const std::filesystem::path& path, Settings& settings);
Status read_config_text(std::string_view yaml, Settings& settings);

}  // namespace atelier::config
