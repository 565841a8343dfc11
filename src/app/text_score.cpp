#include "app/text_score.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "model/kv_store.h"
#include "sample/logit_scan.h"

namespace atelier::app {
namespace {

// Tokens of one forward pass: enough to keep the kernels busy, few enough that their logits stay small
// (64 rows x 151,936 x 4 bytes = 39 MB). Results do not depend on it.
constexpr std::int64_t kChunk = 64;

// A decoder with its own cache for one window.
class Reader {
 public:
  Reader(model::Decoder& decoder, std::int64_t window, kernels::TokenRole role)
      : decoder_(decoder),
        role_(role),
        blocks_(static_cast<std::size_t>((window + kernels::kBlockTokens - 1) / kernels::kBlockTokens)),
        kv_(decoder.config(), decoder.kv_dtype(), std::ssize(blocks_)) {
    std::iota(blocks_.begin(), blocks_.end(), 0);
  }

  std::span<const float> read(std::span<const std::int32_t> tokens, std::int64_t position,
                              bool wants_logits) {
    const model::BatchSequence sequence{
        .tokens = tokens,
        .position = position,
        .blocks = blocks_,
        .logits = wants_logits ? model::LogitsWanted::kAll : model::LogitsWanted::kNone,
        .role = role_};
    return decoder_.forward({&sequence, 1}, kv_);
  }

 private:
  model::Decoder& decoder_;
  kernels::TokenRole role_;
  std::vector<std::int32_t> blocks_;
  model::KvStore kv_;
};

struct RowScore {
  double nll = 0, divergence = 0;
  bool same_top = false;
};

// KL(p || q) = sum p (x_p - x_q) + log Z_q - log Z_p, with p = softmax(x_p), q = softmax(x_q).
double kl_divergence(std::span<const float> p_logits, std::span<const float> q_logits,
                     std::span<float> weights) {
  const float max = sample::largest(p_logits);
  const double total = sample::exponentials(p_logits, {.max = max}, weights);
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i)
    sum += double{weights[i]} * (double{p_logits[i]} - q_logits[i]);
  return sum / total + sample::log_sum_exp(q_logits) - (max + std::log(total));
}

class Scorer {
 public:
  explicit Scorer(const TextScoreTask& task) : task_(task), reader_(task.decoder, task.window, task.role) {
    if (task.reference != nullptr) reference_.emplace(*task.reference, task.window, task.role);
  }

  void read_window(std::span<const std::int32_t> window) {
    const std::int64_t length = std::ssize(window);
    // Position t predicts token t + 1; the last position predicts nothing we know.
    for (std::int64_t begin = 0; begin + 1 < length;) {
      const std::int64_t first_scored = task_.first_target - 1;
      const bool scored = begin >= first_scored;
      const std::int64_t end = std::min({begin + kChunk, length - 1, scored ? length : first_scored});
      const auto tokens =
          window.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
      const auto logits = reader_.read(tokens, begin, scored);
      const auto reference = reference_ ? reference_->read(tokens, begin, scored) : std::span<const float>();
      if (scored)
        score_rows(logits, reference, window.subspan(static_cast<std::size_t>(begin + 1), tokens.size()));
      begin = end;
    }
  }

  double mean_nll() const { return nll_ / static_cast<double>(tokens_); }

  TextScore result() {
    TextScore score{.tokens = tokens_, .nll = mean_nll()};
    if (!reference_) return score;
    std::ranges::sort(divergences_);
    // Linear between the two nearest ranks.
    const double rank = 0.99 * static_cast<double>(divergences_.size() - 1);
    const auto low = static_cast<std::size_t>(rank);
    const auto high = std::min(low + 1, divergences_.size() - 1);
    score.divergence = {
        .mean = std::accumulate(divergences_.begin(), divergences_.end(), 0.0) / static_cast<double>(tokens_),
        .p99 = std::lerp(divergences_[low], divergences_[high], rank - static_cast<double>(low)),
        .same_top = static_cast<double>(same_top_) / static_cast<double>(tokens_)};
    return score;
  }

 private:
  void score_rows(std::span<const float> logits, std::span<const float> reference,
                  std::span<const std::int32_t> targets) {
    const std::size_t width = logits.size() / targets.size();
    std::vector<RowScore> rows(targets.size());
    task_.pool.split(std::ssize(targets), [&](int, std::int64_t begin, std::int64_t end) {
      std::vector<float> weights(reference.empty() ? 0 : width);
      for (auto row = static_cast<std::size_t>(begin); row < static_cast<std::size_t>(end); ++row) {
        const auto q = logits.subspan(row * width, width);
        rows[row].nll = sample::log_sum_exp(q) - q[static_cast<std::size_t>(targets[row])];
        if (reference.empty()) continue;
        const auto p = reference.subspan(row * width, width);
        rows[row].divergence = kl_divergence(p, q, weights);
        rows[row].same_top = sample::argmax(p) == sample::argmax(q);
      }
    });
    for (const RowScore& row : rows) {
      nll_ += row.nll;
      same_top_ += row.same_top;
      if (!reference.empty()) divergences_.push_back(row.divergence);
    }
    tokens_ += std::ssize(targets);
  }

  const TextScoreTask& task_;
  Reader reader_;
  std::optional<Reader> reference_;
  std::int64_t tokens_ = 0, same_top_ = 0;
  double nll_ = 0;
  std::vector<double> divergences_;
};

}  // namespace

TextScore score_text(const TextScoreTask& task,
                     const std::function<void(std::int64_t, std::int64_t, double)>& progress) {
  Scorer scorer(task);
  const std::int64_t windows = std::ssize(task.ids) / task.window;
  for (std::int64_t i = 0; i < windows; ++i) {
    scorer.read_window(
        task.ids.subspan(static_cast<std::size_t>(i * task.window), static_cast<std::size_t>(task.window)));
    progress(i + 1, windows, scorer.mean_nll());
  }
  return scorer.result();
}

}  // namespace atelier::app
