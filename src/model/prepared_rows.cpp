#include "model/prepared_rows.h"

namespace atelier::model {

using kernels::ActivationForm;

void PreparedRows::reserve(std::int64_t rows, std::int64_t k, const WantedForms& wanted,
                           std::int64_t copies) {
  rows_ = rows;
  cols_ = k;
  wanted_ = wanted;
  std::int64_t copy_bytes = 0;
  for (std::size_t form = 0; form < wanted.size(); ++form)
    if (wanted[form]) copy_bytes += kernels::activation_bytes(static_cast<ActivationForm>(form), rows, k);
  if (memory_.size() < static_cast<std::size_t>(copies * copy_bytes))
    memory_ = AlignedBuffer(static_cast<std::size_t>(copies * copy_bytes));
  views_.assign(static_cast<std::size_t>(copies), {});
  std::byte* at = memory_.data();
  for (auto& views : views_) {
    for (std::size_t form = 0; form < wanted.size(); ++form) {
      if (!wanted[form]) continue;
      views[form] = kernels::activation_view(static_cast<ActivationForm>(form), rows, k, at);
      at += kernels::activation_bytes(static_cast<ActivationForm>(form), rows, k);
    }
  }
}

void PreparedRows::fill(const kernels::Ops& ops, const kernels::RowsToPrepare& from,
                        std::int64_t copy) const {
  const auto& views = views_[static_cast<std::size_t>(copy)];
  for (std::size_t form = 0; form < wanted_.size(); ++form)
    if (wanted_[form]) ops.prepare(from, static_cast<ActivationForm>(form), views[form]);
}

}  // namespace atelier::model
