// A projection is one parallel region of the forward pass: rows are normalised and prepared (once per form
// the matrices want) and multiplied by one to three weight matrices. A thread claims some columns, computes
// them for all rows into memory of its own, small enough for its second-level cache, and finishes them there:
// what nobody reads again never goes to memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/ops.h"
#include "model/prepared_rows.h"

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
};

// Where a product's result goes whole.
struct Target {
  float* y = nullptr;  // [rows, stride]
  std::int64_t stride = 0;
  const std::int64_t* rows = nullptr;  // row i goes to row rows[i]; nullptr: to row i
};

inline constexpr std::size_t kMostProducts = 3;

// Finished sums of the columns [first, first + count) of all rows, in the thread's own memory.
struct Columns {
  std::int64_t first = 0, count = 0;  // first: a multiple of kGroup
  std::int64_t stride = 0;            // floats from row to row
  float* y[kMostProducts] = {};       // by product, [rows, stride]
};

// Engine thread only.
class Projector {
 public:
  Projector(const kernels::Ops& ops, kernels::Compute compute, ThreadPool& pool);

  // The role of the rows that come from now on.
  void set_role(kernels::TokenRole role) { role_ = role; }

  // targets[i] = norm(x) w_i + bias_i.
  void multiply(const ProjectionInput& input, std::span<const Product> products,
                std::span<const Target> targets);

  // The same for products of the same n: whoever computes some columns computes them of all products, and
  // then calls finish(columns).
  template <class Finish>
  void multiply_together(const ProjectionInput& input, std::span<const Product> products,
                         const Finish& finish) {
    prepare(input, products);
    run_together(input, own_, products, erase<Finish>, &finish);
  }
  template <class Finish>
  void multiply_together(const PreparedRows& rows, std::span<const Product> products, const Finish& finish) {
    run_together({.rows = rows.rows(), .k = rows.cols()}, rows, products, erase<Finish>, &finish);
  }

  // Whether the matrix's input is rounded to int8.
  bool rounds_to_int8(const Product& product) const {
    return form_of(product) == kernels::ActivationForm::kInt8;
  }

  // Room in `rows` for an input of rows x k of these products.
  void reserve(PreparedRows& rows, std::int64_t count, std::int64_t k,
               std::span<const Product> products) const;

 private:
  using FinishColumns = void (*)(const void* context, const Columns& columns);
  template <class Finish>
  static void erase(const void* context, const Columns& columns) {
    (*static_cast<const Finish*>(context))(columns);
  }

  struct RowsToFill {
    std::int64_t copy, normed;  // of the prepared rows; of the room to normalise in
    std::int64_t row, rows;
  };

  // How a product is cut: `even` claims, a multiple of the threads; tapering: the last of each thread's is
  // cut into three quarters, three sixteenths and one.
  struct Claims {
    std::int64_t even, threads;
    bool tapering;

    std::int64_t count() const { return tapering ? even + 2 * threads : even; }
    std::int64_t begin(std::int64_t claim, std::int64_t length) const;  // where claim begins in [0, length)
  };

  // A run of panels: what a thread claims at a time.
  struct Stretch {
    std::int64_t begin, end;
  };

  void run_together(const ProjectionInput& input, const PreparedRows& rows, std::span<const Product> products,
                    FinishColumns finish, const void* context);
  void prepare(const ProjectionInput& input, std::span<const Product> products);
  void fill(const ProjectionInput& input, const RowsToFill& which, std::int64_t begin,
            std::int64_t end) const;
  std::int64_t copy_for(const ProjectionInput& input, const PreparedRows& rows, int worker);
  Columns compute(const PreparedRows& rows, std::int64_t copy, std::span<const Product> products,
                  const Stretch& stretch, int worker) const;
  void compute_in_place(std::int64_t copy, const Product& product, const Stretch& stretch,
                        const Target& to) const;
  Claims claims(const PreparedRows& rows, std::span<const Product> products, bool together) const;
  static Stretch stretch(std::int64_t panels, std::int64_t claim, const Claims& claims);
  static void deliver(const Columns& columns, std::int64_t rows, const Target& to);
  kernels::ActivationForm form_of(const Product& product) const;
  WantedForms wanted_by(std::span<const Product> products) const;

  const kernels::Ops& ops_;
  kernels::Compute compute_;
  ThreadPool& pool_;
  kernels::TokenRole role_ = kernels::TokenRole::kPrompt;
  PreparedRows own_;              // of inputs that come as floats
  std::vector<char> own_filled_;  // by copy
  AlignedBuffer normed_;          // [copies or workers][rows, k padded to 16]
  AlignedBuffer columns_;         // [workers][kColumnBytes]
};

}  // namespace atelier::model
