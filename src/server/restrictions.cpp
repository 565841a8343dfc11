#include "server/restrictions.h"

#include <utility>

#include "server/request_checks.h"

namespace atelier::server {
namespace {

using Word = std::vector<std::int32_t>;

// A word is banned as it begins a text, and as it follows another word where the space before it gives a
// first token of its own and no more tokens than without (vLLM's rule).
Result<std::vector<Word>> banned_words(const ServedModel& model, const std::vector<std::string>& words) {
  std::vector<Word> banned;
  for (const std::string& word : words) {
    const std::string bare = word.substr(std::min(word.find_first_not_of(" \t\r\n\f\v"), word.size()));
    Word ids = model.tokenizer().encode(bare, text::Specials::kParse);
    if (ids.empty()) {
      return fail_param(Fault::kBadRequest, "bad_words",
                        "bad_words entries must tokenize to at least one token; one holds nothing but space");
    }
    Word after_space = model.tokenizer().encode(" " + bare, text::Specials::kParse);
    const bool own_token = after_space.size() == ids.size() && after_space.front() != ids.front();
    banned.push_back(std::move(ids));
    if (own_token) banned.push_back(std::move(after_space));
  }
  return banned;
}

}  // namespace

Result<std::shared_ptr<const sample::Restrictions>> restrictions(const ServedModel& model,
                                                                 const api::GenerationFields& fields) {
  sample::Restrictions made;
  ATELIER_TRY_STATUS(check_ids(model, "allowed_token_ids", fields.allowed_token_ids));
  made.allowed = fields.allowed_token_ids;
  ATELIER_TRY(made.banned, banned_words(model, fields.bad_words));
  std::vector<std::int32_t> biased;
  for (const auto [id, bias] : fields.logit_bias) {
    biased.push_back(id);
    made.bias.push_back({id, bias});
  }
  ATELIER_TRY_STATUS(check_ids(model, "logit_bias", biased));
  if (fields.min_tokens > 0) {
    made.min_tokens = fields.min_tokens;
    made.held = model.tokenizer().data().stop_ids;  // with ignore_eos, too: as vLLM holds them
    made.held.insert(made.held.end(), fields.stop_token_ids.begin(), fields.stop_token_ids.end());
  }
  if (made.none()) return nullptr;
  return std::make_shared<const sample::Restrictions>(std::move(made));
}

}  // namespace atelier::server
