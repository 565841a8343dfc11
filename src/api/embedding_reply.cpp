// The reply of /v1/embeddings: one vector for each input, as numbers or as base64.
#include <openssl/evp.h>

#include <bit>
#include <cmath>

#include "api/error_body.h"
#include "api/reply.h"
#include "api/reply_parts.h"

namespace atelier::api {
namespace {

// To length 1; a vector of zeros stays one.
std::vector<float> normalised(std::span<const float> values) {
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * value;
  const double length = std::sqrt(squares);
  std::vector<float> out(values.begin(), values.end());
  if (length > 0)
    for (float& value : out) value = static_cast<float>(value / length);
  return out;
}

static_assert(std::endian::native == std::endian::little);  // clients read little-endian floats

std::string base64(std::span<const float> values) {
  const auto bytes = std::as_bytes(values);
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and the NUL that OpenSSL writes
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

class EmbeddingFormat final : public ReplyFormat {
 public:
  EmbeddingFormat(ReplyHead head, EmbeddingForm form) : head_(std::move(head)), form_(form) {}

  // There is no stream of embeddings: the parser knows no such field.
  std::string chunk(const Piece&) override { return {}; }
  std::string close(const Usage&, bool) override { return {}; }
  std::string failure(const Failure& failure) override { return error_body(failure); }

  std::string whole(std::span<const Piece> choices, const Usage& usage) override {
    std::string out;
    JsonWriter json(out);
    json.begin_object().member("id", head_.id).member("object", "list").member("created", head_.created);
    json.member("model", head_.model).key("data").begin_array();
    for (const Piece& choice : choices) write_vector(json, choice);
    json.end_array().key("usage").begin_object().member("prompt_tokens", usage.prompt_tokens);
    json.member("total_tokens", usage.prompt_tokens).end_object().end_object();
    return out;
  }

 private:
  void write_vector(JsonWriter& json, const Piece& choice) const {
    const std::vector<float> values =
        form_.normalize ? normalised(choice.hidden_state)
                        : std::vector<float>(choice.hidden_state.begin(), choice.hidden_state.end());
    json.begin_object().member("index", choice.index).member("object", "embedding").key("embedding");
    if (form_.base64) {
      json.string(base64(values));
    } else {
      json.begin_array();
      for (const float value : values) json.number(value);
      json.end_array();
    }
    json.end_object();
  }

  const ReplyHead head_;
  const EmbeddingForm form_;
};

}  // namespace

std::unique_ptr<ReplyFormat> embedding_format(ReplyHead head, EmbeddingForm form) {
  return std::make_unique<EmbeddingFormat>(std::move(head), form);
}

}  // namespace atelier::api
