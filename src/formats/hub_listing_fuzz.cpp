// What a hub may answer to a listing, and the file names in it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "formats/hub.h"
#include "formats/hugging_face.h"
#include "formats/model_name.h"
#include "formats/modelscope.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace atelier::formats;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const auto& listing : {parse_hugging_face_listing(body), parse_modelscope_listing(body)}) {
    if (!listing) continue;
    for (const RepoFile& file : listing->files) {
      ATELIER_CHECK(is_safe_relative_path(file.path) && file.bytes >= -1 && file.bytes <= kMaxFileBytes);
    }
    (void)choose_files("org/name", listing->files, "");
    (void)choose_files("org/name", listing->files, "Q4_K_M");
  }
  return 0;
}
