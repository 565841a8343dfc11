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

  // y = norm(x) w + bias for each product, split over the threads by the bytes of their panels.
  void multiply(const ProjectionInput& input, std::span<const Product> products);

  // The same, all products having the same n: each thread takes the same columns of all of them, and calls
  // finish(first_column, columns) on all rows of a run of them.
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

  // The prepared forms of the input, by ActivationForm; of one thread alone or shared by all.
  struct Prepared {
    float* normed = nullptr;  // [rows, k padded to 16]
    kernels::Activations views[3];
    bool wanted[3] = {};
  };

  void run_together(const ProjectionInput& input, std::span<const Product> products, FinishColumns finish,
                    const void* context);
  void plan(const ProjectionInput& input, std::span<const Product> products);
  void prepare(const ProjectionInput& input, const Prepared& to, std::int64_t begin, std::int64_t end) const;
  void multiply_panels(const Product& product, const Prepared& x, std::int64_t begin, std::int64_t end) const;
  kernels::ActivationForm form_of(const Product& product) const;

  // Prepares the input, then runs body(thread, prepared) on every thread.
  template <class Body>
  void with_prepared(const ProjectionInput& input, const Body& body);

  const kernels::Ops& ops_;
  kernels::Compute compute_;
  ThreadPool& pool_;
  AlignedBuffer memory_;
  std::vector<Prepared> prepared_;  // one per thread, or one for all
};

}  // namespace atelier::model
