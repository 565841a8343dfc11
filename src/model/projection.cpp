#include "model/projection.h"

#include <algorithm>

namespace atelier::model {
namespace {

using kernels::ActivationForm;
using kernels::kPanelRows;

// Up to here each thread prepares all rows for itself: a row costs it 0.3 us, waiting for the others 0.5 us.
constexpr std::int64_t kOwnRows = 3;

// Panels claimed at a time: enough that claiming (0.1 us) costs nothing, few enough that threads end
// together, and with many rows few enough that the outputs stay in half a second-level cache until they are
// finished.
constexpr std::int64_t kStretchWeights = 24 << 10, kStretchOutputs = 512 << 10, kStretchesPerThread = 4;

struct StretchLimits {
  std::int64_t weight_bytes, output_bytes;  // of one panel
  std::int64_t panels;                      // of the whole job
};

std::int64_t stretch_panels(const StretchLimits& of, int threads) {
  const std::int64_t even = (of.panels + threads * kStretchesPerThread - 1) / (threads * kStretchesPerThread);
  const std::int64_t least = (kStretchWeights + of.weight_bytes - 1) / of.weight_bytes;
  const std::int64_t most = std::max<std::int64_t>(1, kStretchOutputs / of.output_bytes);
  return std::min(std::max(even, least), most);
}

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace

Projector::Projector(const kernels::Ops& ops, kernels::Compute compute, ThreadPool& pool)
    : ops_(ops), compute_(compute), pool_(pool) {}

ActivationForm Projector::form_of(const Product& product) const {
  return kernels::form_for(product.weights->source, compute_);
}

// Lays out the memory of this input: per copy, the normalised rows and each wanted form.
void Projector::plan(const ProjectionInput& input, std::span<const Product> products) {
  Prepared layout;
  for (const Product& product : products) layout.wanted[static_cast<int>(form_of(product))] = true;
  const std::int64_t normed = input.norm != nullptr ? input.rows * round_up(input.k, 16) * 4 : 0;
  std::int64_t copy = round_up(normed, 64);
  for (int form = 0; form < 3; ++form)
    if (layout.wanted[form])
      copy += kernels::activation_bytes(static_cast<ActivationForm>(form), input.rows, input.k);

  const std::int64_t copies = input.rows <= kOwnRows ? pool_.size() : 1;
  if (memory_.size() < static_cast<std::size_t>(copies * copy))
    memory_ = AlignedBuffer(static_cast<std::size_t>(copies * copy));
  prepared_.assign(static_cast<std::size_t>(copies), layout);
  std::byte* at = memory_.data();
  for (Prepared& prepared : prepared_) {
    prepared.normed = reinterpret_cast<float*>(at);
    at += round_up(normed, 64);
    for (int form = 0; form < 3; ++form) {
      if (!prepared.wanted[form]) continue;
      prepared.views[form] =
          kernels::activation_view(static_cast<ActivationForm>(form), input.rows, input.k, at);
      at += kernels::activation_bytes(static_cast<ActivationForm>(form), input.rows, input.k);
    }
  }
}

void Projector::prepare(const ProjectionInput& input, const Prepared& to, std::int64_t begin,
                        std::int64_t end) const {
  const float* x = input.x;
  std::int64_t stride = input.stride;
  if (input.norm != nullptr) {
    x = to.normed;
    stride = round_up(input.k, 16);
    for (std::int64_t row = begin; row < end; ++row)
      ops_.rms_norm(input.x + row * input.stride, input.norm, input.eps, to.normed + row * stride, input.k);
  }
  for (int form = 0; form < 3; ++form)
    if (to.wanted[form])
      ops_.prepare(x, stride, input.k, static_cast<ActivationForm>(form), to.views[form], begin, end);
}

void Projector::prepare_shared(const ProjectionInput& input) {
  if (input.rows <= kOwnRows) return;
  pool_.split(input.rows, [&](int, std::int64_t begin, std::int64_t end) {
    prepare(input, prepared_.front(), begin, end);
  });
}

const Projector::Prepared& Projector::prepared_for(const ProjectionInput& input, int worker) {
  if (input.rows > kOwnRows) return prepared_.front();
  Prepared& own = prepared_[static_cast<std::size_t>(worker)];
  if (!own.ready) prepare(input, own, 0, input.rows);
  own.ready = true;
  return own;
}

void Projector::multiply_panels(const Product& product, const Prepared& x, std::int64_t begin,
                                std::int64_t end) const {
  const ActivationForm form = form_of(product);
  ops_.linear(*product.weights, x.views[static_cast<int>(form)], form, product.bias, product.y,
              product.stride, begin, end);
}

void Projector::multiply(const ProjectionInput& input, std::span<const Product> products) {
  plan(input, products);
  stretches_.clear();
  std::int64_t panels = 0;
  for (const Product& product : products) panels += product.weights->panels;
  for (const Product& product : products) {
    const kernels::PackedMatrix& w = *product.weights;
    const std::int64_t step =
        stretch_panels({w.panel_bytes, input.rows * kPanelRows * 4, panels}, pool_.size());
    for (std::int64_t begin = 0; begin < w.panels; begin += step)
      stretches_.push_back({&product, begin, std::min(begin + step, w.panels)});
  }
  prepare_shared(input);
  pool_.share(static_cast<std::int64_t>(stretches_.size()), [&](int worker, std::int64_t item) {
    const Stretch& stretch = stretches_[static_cast<std::size_t>(item)];
    multiply_panels(*stretch.product, prepared_for(input, worker), stretch.begin, stretch.end);
  });
}

void Projector::run_together(const ProjectionInput& input, std::span<const Product> products,
                             FinishColumns finish, const void* context) {
  plan(input, products);
  const std::int64_t panels = products.front().weights->panels, n = products.front().weights->n;
  StretchLimits limits = {0, input.rows * kPanelRows * 4 * static_cast<std::int64_t>(products.size()),
                          panels};
  for (const Product& product : products) limits.weight_bytes += product.weights->panel_bytes;
  const std::int64_t step = stretch_panels(limits, pool_.size());
  prepare_shared(input);
  pool_.share((panels + step - 1) / step, [&](int worker, std::int64_t item) {
    const std::int64_t begin = item * step, end = std::min(begin + step, panels);
    const Prepared& x = prepared_for(input, worker);
    for (const Product& product : products) multiply_panels(product, x, begin, end);
    finish(context, begin * kPanelRows, std::min(end * kPanelRows, n) - begin * kPanelRows);
  });
}

}  // namespace atelier::model
