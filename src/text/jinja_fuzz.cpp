// The input up to its first zero byte is a template, the rest its JSON context ({} where it is none).
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "text/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace atelier;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = input.find('\0');
  const auto parsed = text::ChatTemplate::parse(std::string(input.substr(0, zero)));
  if (!parsed) return 0;
  boost::json::object context;
  if (zero != std::string_view::npos) {
    auto json = parse_json(input.substr(zero + 1));
    if (json && json->is_object()) context = std::move(json->get_object());
  }
  constexpr text::TemplateBudget kBudget{.steps = 20'000, .output_bytes = 1u << 16, .depth = 200};
  (void)parsed->render(context, kBudget, std::tm{});
  return 0;
}
