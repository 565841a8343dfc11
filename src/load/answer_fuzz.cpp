// Whatever a server sends becomes an Answer. The first byte chooses how the rest is cut.
#include <cstddef>
#include <cstdint>

#include "load/answer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace atelier::load;
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 61 + 1u;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const int status = data[0] < 250 ? 200 : 400;
  AnswerReader reader({.run_begin = atelier::client::Clock::now(), .input_tokens = 1, .keep_text = true});
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    reader.feed(status, bytes.substr(at, piece), atelier::client::Clock::now());
  }
  const Answer answer = reader.end({.status = status, .broken = {}}, atelier::client::Clock::now());
  if (answer.success != answer.error.empty()) __builtin_trap();
  return 0;
}
