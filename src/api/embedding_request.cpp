#include "api/embedding_request.h"

namespace atelier::api {

Result<EmbeddingRequest> parse_embedding_request(std::string_view body) {
  return parse_with(body, read_embedding_request);
}

Result<EmbeddingRequest> read_embedding_request(FieldReader& reader) {
  EmbeddingRequest request;
  request.model = reader.string("model").value_or("");
  request.max_tokens = 1;  // of room behind the input; nothing is generated
  read_truncation(reader, request);
  read_handling(reader, request);
  request.dimensions = reader.integer("dimensions", 1, std::numeric_limits<std::int32_t>::max());
  request.normalize = reader.boolean("normalize").value_or(true);
  const std::string encoding = reader.string("encoding_format").value_or("float");
  request.base64 = encoding == "base64";
  if (!request.base64 && encoding != "float") {
    reader.refuse(Fault::kBadRequest, "encoding_format",
                  fmt::format("encoding_format must be \"float\" or \"base64\", got \"{}\"",
                              std::string_view(encoding).substr(0, 40)));
  }
  reader.value("user");
  const boost::json::value* input = reader.value("input");
  ATELIER_TRY_STATUS(reader.status());
  if (input == nullptr) return fail_param(Fault::kBadRequest, "input", "input is required");
  ATELIER_TRY(request.inputs, read_prompts("input", *input, kMaxEmbeddingInputs));
  request.unknown = reader.unread();
  return request;
}

}  // namespace atelier::api
