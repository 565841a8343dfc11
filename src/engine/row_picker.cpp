#include "engine/row_picker.h"

#include <exception>

namespace atelier::engine {
namespace {

// Nothing may leave a thread of the pool but by its result: out of memory, too, ends one generation only.
Result<sample::Choice> pick_one(sample::Sampler& sampler, std::span<const float> logits,
                                sample::SamplerScratch& scratch) {
  try {
    return sampler.pick(logits, scratch);
  } catch (const std::exception& error) {
    return fail(Fault::kInternal, "choosing a token failed: {}", error.what());
  }
}

Choices pick_in_turn(const SequenceRows& rows, sample::SamplerScratch& scratch) {
  const std::size_t row_length = rows.logits.size() / (rows.guessed.size() + 1);
  Choices choices;
  choices.reserve(rows.guessed.size() + 1);
  for (std::size_t row = 0; row <= rows.guessed.size(); ++row) {
    choices.push_back(pick_one(*rows.sampler, rows.logits.subspan(row * row_length, row_length), scratch));
    if (row == rows.guessed.size() || !choices.back() || choices.back()->id != rows.guessed[row]) break;
  }
  return choices;
}

}  // namespace

std::vector<Choices> RowPicker::pick(std::span<const SequenceRows> rows) {
  std::vector<Choices> chosen(rows.size());
  pool_.share(std::ssize(rows), [&](int worker, std::int64_t item) {
    const auto at = static_cast<std::size_t>(item);
    chosen[at] = pick_in_turn(rows[at], scratches_[static_cast<std::size_t>(worker)]);
  });
  return chosen;
}

}  // namespace atelier::engine
