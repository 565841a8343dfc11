// Any bytes as a --config file: refused or read, never more. The first byte's chance is not wasted on YAML
// alone: what is read is also asked for its notices.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/config_file.h"
#include "config/serve_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace atelier::config;
  Settings settings;
  if (!read_config_text({reinterpret_cast<const char*>(data), size}, settings)) return 0;
  settings.notices();
  (void)serve_config(settings);
  return 0;
}
