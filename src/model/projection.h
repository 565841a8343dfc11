// A Projection is one parallel region of the forward pass: rows are normalised and prepared (once per form
// the matrices want), multiplied by one to three weight matrices, and each thread finishes the columns it
// computed while they are still in its cache.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/ops.h"
#include "tensor/aligned_buffer.h"

namespace atelier::model {

struct ProjectionInput {
  const float* x = nullptr;  // [rows, stride]
  std::int64_t stride = 0, rows = 0, k = 0;
  const float* norm = nullptr;  // RMS norm weights [k]; nullptr = x as it is
  float eps = 0.0f;
};

struct Product {
  const kernels::PackedMatrix* weights = nullptr;
  const float* bias = nullptr;  // [n] or nullptr
  float* y = nullptr;           // [rows, stride]
  std::int64_t stride = 0;
};

// Engine thread only; owns the memory of the prepared rows.
class Projector {
 public:
  Projector(const kernels::Ops& ops, kernels::Compute compute, ThreadPool& pool);

  // y = norm(x) w + bias for each product.
  void multiply(const ProjectionInput& input, std::span<const Product> products);

  // The same, all products having the same n: whoever computes some columns computes them of all products,
  // and then calls finish(first_column, columns) on all their rows.
  template <class Finish>
  void multiply_together(const ProjectionInput& input, std::span<const Product> products,
                         const Finish& finish) {
    run_together(
        input, products,
        [](const void* context, std::int64_t first, std::int64_t columns) {
          (*static_cast<const Finish*>(context))(first, columns);
        },
        &finish);
  }

 private:
  using FinishColumns = void (*)(const void* context, std::int64_t first_column, std::int64_t columns);

  // The prepared forms of the input, by ActivationForm; one worker's own or everyone's.
  struct Prepared {
    float* normed = nullptr;  // [rows, k padded to 16]
    kernels::Activations views[3];
    bool wanted[3] = {};
    bool ready = false;
  };

  // A run of panels of one product: what a thread claims at a time.
  struct Stretch {
    const Product* product;
    std::int64_t begin, end;
  };

  void run_together(const ProjectionInput& input, std::span<const Product> products, FinishColumns finish,
                    const void* context);
  void plan(const ProjectionInput& input, std::span<const Product> products);
  void prepare(const ProjectionInput& input, const Prepared& to, std::int64_t begin, std::int64_t end) const;
  void prepare_shared(const ProjectionInput& input);
  const Prepared& prepared_for(const ProjectionInput& input, int worker);
  void multiply_panels(const Product& product, const Prepared& x, std::int64_t begin, std::int64_t end) const;
  kernels::ActivationForm form_of(const Product& product) const;

  const kernels::Ops& ops_;
  kernels::Compute compute_;
  ThreadPool& pool_;
  AlignedBuffer memory_;
  std::vector<Prepared> prepared_;  // one per worker, or one for all
  std::vector<Stretch> stretches_;
};

}  // namespace atelier::model
