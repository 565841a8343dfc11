// Any text as a tokenizer.json: read it, build the tokenizer, encode and decode with it.
#include <cstdlib>

#include "base/json.h"
#include "bundle/tokenizer_files.h"
#include "text/tokenizer.h"

namespace {

using namespace atelier;

// A folder whose tokenizer.json is the fuzzer's text.
class FuzzedFolder : public formats::HfFolder {
 public:
  explicit FuzzedFolder(std::string_view tokenizer) : tokenizer_(tokenizer) {}

  std::span<const formats::TensorEntry> tensors() const override { return {}; }
  const formats::TensorEntry* find(std::string_view) const override { return nullptr; }
  void release(const formats::TensorEntry&) const override {}
  std::int64_t file_bytes() const override { return 0; }
  const boost::json::object& config() const override { return nothing_; }
  const boost::json::object& generation_config() const override { return generation_config_; }
  const boost::json::object& tokenizer_config() const override { return tokenizer_config_; }
  const std::string& chat_template() const override { return chat_template_; }
  Result<boost::json::object> read_tokenizer() const override {
    ATELIER_TRY(boost::json::value value, parse_json(tokenizer_));
    if (!value.is_object()) return fail(Fault::kCorrupt, "not a JSON object");
    return std::move(value.get_object());
  }

 private:
  std::string_view tokenizer_;
  boost::json::object nothing_, generation_config_{{"eos_token_id", boost::json::array{3, 5}}};
  boost::json::object tokenizer_config_{{"bos_token", nullptr}, {"eos_token", "<|im_end|>"}};
  std::string chat_template_;
};

void speak(const text::Tokenizer& tokenizer) {
  for (const std::string_view text : {"ab ba  ab\n12 <|im_end|>é\xff", "<|im_start|>a", " ", ""}) {
    for (const auto specials : {text::Specials::kAsText, text::Specials::kParse}) {
      for (const text::TokenId id : tokenizer.encode(text, specials)) {
        if (id < 0 || id >= tokenizer.size()) std::abort();
      }
    }
  }
  for (const text::TokenId id : tokenizer.data().stop_ids) {
    if (id < 0 || id >= tokenizer.size()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const FuzzedFolder folder(std::string_view(reinterpret_cast<const char*>(data), size));
  auto read = bundle::tokenizer_from_hf(folder);
  if (!read || !*read) return 0;
  const auto tokenizer = text::Tokenizer::create(std::move(**read));
  if (tokenizer) speak(*tokenizer);
  return 0;
}
