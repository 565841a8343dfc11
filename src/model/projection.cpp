#include "model/projection.h"

#include <algorithm>

namespace atelier::model {
namespace {

using kernels::ActivationForm;
using kernels::kPanelRows;

// Up to here each thread prepares all rows for itself: a row costs it 0.3 us, waiting for the others 0.5 us.
constexpr std::int64_t kOwnRows = 3;

// A run of panels whose outputs (rows x 16 columns each, of every product) stay in half a second-level cache
// until they are finished.
constexpr std::int64_t kRunBytes = 512 << 10;

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

template <class Body>
void Projector::with_prepared(const ProjectionInput& input, const Body& body) {
  if (input.rows <= kOwnRows) {
    pool_.run([&](int thread) {
      const Prepared& own = prepared_[static_cast<std::size_t>(thread)];
      prepare(input, own, 0, input.rows);
      body(thread, own);
    });
    return;
  }
  pool_.split(input.rows, [&](int, std::int64_t begin, std::int64_t end) {
    prepare(input, prepared_.front(), begin, end);
  });
  pool_.run([&](int thread) { body(thread, prepared_.front()); });
}

void Projector::multiply_panels(const Product& product, const Prepared& x, std::int64_t begin,
                                std::int64_t end) const {
  const ActivationForm form = form_of(product);
  ops_.linear(*product.weights, x.views[static_cast<int>(form)], form, product.bias, product.y,
              product.stride, begin, end);
}

void Projector::multiply(const ProjectionInput& input, std::span<const Product> products) {
  plan(input, products);
  std::int64_t total = 0;  // bytes of weights
  for (const Product& product : products) total += product.weights->panels * product.weights->panel_bytes;
  with_prepared(input, [&](int thread, const Prepared& x) {
    const std::int64_t from = total * thread / pool_.size(), to = total * (thread + 1) / pool_.size();
    std::int64_t start = 0;  // where this product's bytes begin
    for (const Product& product : products) {
      const std::int64_t panels = product.weights->panels, bytes = product.weights->panel_bytes;
      // A panel belongs to the thread in whose share it begins.
      const auto first_from = [&](std::int64_t byte) {
        return std::clamp<std::int64_t>((byte - start + bytes - 1) / bytes, 0, panels);
      };
      const std::int64_t begin = from <= start ? 0 : first_from(from), end = to <= start ? 0 : first_from(to);
      if (begin < end) multiply_panels(product, x, begin, end);
      start += panels * bytes;
    }
  });
}

void Projector::run_together(const ProjectionInput& input, std::span<const Product> products,
                             FinishColumns finish, const void* context) {
  plan(input, products);
  const std::int64_t panels = products.front().weights->panels, n = products.front().weights->n;
  const std::int64_t panel_output = input.rows * kPanelRows * 4 * static_cast<std::int64_t>(products.size());
  const std::int64_t run = std::max<std::int64_t>(1, kRunBytes / panel_output);
  with_prepared(input, [&](int thread, const Prepared& x) {
    const std::int64_t last = panels * (thread + 1) / pool_.size();
    for (std::int64_t begin = panels * thread / pool_.size(); begin < last; begin += run) {
      const std::int64_t end = std::min(begin + run, last);
      for (const Product& product : products) multiply_panels(product, x, begin, end);
      finish(context, begin * kPanelRows, std::min(end * kPanelRows, n) - begin * kPanelRows);
    }
  });
}

}  // namespace atelier::model
