// The JSON of one request of a load run.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "load/workload.h"

namespace atelier::load {

std::string request_body(const RequestShape& shape, std::string_view prompt, std::int64_t output_tokens);
// Of a completion whose prompt is token ids.
std::string request_body(const RequestShape& shape, std::span<const std::int32_t> prompt,
                         std::int64_t output_tokens);

}  // namespace atelier::load
