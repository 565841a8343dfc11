// What the environment says about hubs and their cache: read here, in one place, and nowhere else.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace atelier::formats {

struct HubSettings {
  // HF_HUB_CACHE, else HF_HOME/hub, else XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub.
  std::filesystem::path cache;
  // HF_ENDPOINT and MODELSCOPE_ENDPOINT: "http(s)://host[:port]", no slash at the end; default the public
  // hubs.
  std::string hugging_face, modelscope;
  // HF_TOKEN, else the file HF_TOKEN_PATH, else the file HF_HOME/token; "" where there is none. Goes to
  // `hugging_face` only; never printed.
  std::string token;
  // HF_HUB_OFFLINE is 1, on, yes or true: only what is in the cache, no network of any kind.
  bool offline = false;
  // ATELIER_PATIENCE, in seconds (1..86400): a download without progress for this long is given up.
  std::chrono::seconds patience{60};
  // The Python package client: ATELIER_PIP split at spaces, default "python3 -m pip".
  std::vector<std::string> pip;
};

// kBadRequest: an endpoint that is no http(s) address, a token with control characters, no home folder.
Result<HubSettings> read_hub_settings();

}  // namespace atelier::formats
