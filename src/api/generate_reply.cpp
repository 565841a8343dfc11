// The replies of vLLM's older POST /generate: {"text": ["<prompt><answer>", …]}; streamed, one such object a
// line, each with all the text so far.
#include "api/error_body.h"
#include "api/reply.h"
#include "api/reply_parts.h"

namespace atelier::api {
namespace {

class GenerateFormat final : public ReplyFormat {
 public:
  explicit GenerateFormat(std::size_t choices) : texts_(choices) {}

  std::string_view stream_type() const override { return "application/x-ndjson"; }

  std::string chunk(const Piece& piece) override {
    texts_[static_cast<std::size_t>(piece.index)] += piece.text;
    for (const std::string& text : texts_)
      if (text.empty()) return {};  // not all prompts are there yet
    return write() + '\n';
  }

  std::string close(const Usage&, bool) override { return {}; }
  std::string failure(const Failure& failure) override { return error_body(failure) + '\n'; }

  std::string whole(std::span<const Piece> choices, const Usage&) override {
    for (const Piece& choice : choices) texts_[static_cast<std::size_t>(choice.index)] = choice.text;
    return write();
  }

 private:
  std::string write() const {
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("text").begin_array();
    for (const std::string& text : texts_) json.string(text);
    json.end_array().end_object();
    return out;
  }

  std::vector<std::string> texts_;  // by choice, as long as they are
};

}  // namespace

std::unique_ptr<ReplyFormat> generate_format(std::size_t choices) {
  return std::make_unique<GenerateFormat>(choices);
}

}  // namespace atelier::api
