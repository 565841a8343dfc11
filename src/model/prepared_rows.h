// PreparedRows are a projection's input in every form its matrices want. They are filled a rectangle at a
// time by whoever has the values; with several copies, each thread fills and reads its own.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/ops.h"
#include "tensor/aligned_buffer.h"

namespace atelier::model {

// By ActivationForm.
using WantedForms = std::array<bool, 3>;

class PreparedRows {
 public:
  // Room for `copies` times rows x k. Keeps its memory from one call to the next; what was filled is gone.
  void reserve(std::int64_t rows, std::int64_t k, const WantedForms& wanted, std::int64_t copies = 1);

  // Any thread, no two on the same rectangle of the same copy.
  void fill(const kernels::Ops& ops, const kernels::RowsToPrepare& from, std::int64_t copy = 0) const;

  const kernels::Activations& view(kernels::ActivationForm form, std::int64_t copy = 0) const {
    return views_[static_cast<std::size_t>(copy)][static_cast<std::size_t>(form)];
  }
  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }
  std::int64_t copies() const { return static_cast<std::int64_t>(views_.size()); }

 private:
  std::int64_t rows_ = 0, cols_ = 0;
  WantedForms wanted_ = {};
  AlignedBuffer memory_;
  std::vector<std::array<kernels::Activations, 3>> views_;  // [copy][form]
};

}  // namespace atelier::model
