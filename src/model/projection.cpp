#include "model/projection.h"

#include <algorithm>
#include <cstring>

namespace atelier::model {
namespace {

using kernels::ActivationForm;
using kernels::kPanelRows;

// Up to here each thread prepares all rows for itself: a row costs it 0.3 us, waiting for the others 0.5 us.
constexpr std::int64_t kOwnRows = 3;

// What is normalised at a time: a block of rows.
constexpr std::int64_t kNormedRows = 16;

// A thread's own columns, in its second-level cache beside a stretch of the rows. Where the rows themselves
// stay there from one claim to the next, a smaller part of it will do.
constexpr std::int64_t kColumnBytes = 1280 << 10, kResidentColumnBytes = 272 << 10;
constexpr std::int64_t kResidentBytes = 1 << 20;

// Few rows: enough weights at a time that starting on them (0.8 us until memory streams again) costs little,
// few enough that threads end together.
constexpr std::int64_t kClaimWeights = 1 << 20, kClaimsPerThread = 4, kFewRows = 64;

// From so many rows on, weights are not what is waited for: a thread's last claim is cut into three, the last
// of them a sixteenth, which whoever is done first takes.
constexpr std::int64_t kTaperingRows = 9;

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

bool keeps_order(const Target& to, std::int64_t rows) {
  if (to.rows == nullptr) return true;
  for (std::int64_t row = 1; row < rows; ++row)
    if (to.rows[row] != to.rows[0] + row) return false;
  return true;
}

}  // namespace

Projector::Projector(const kernels::Ops& ops, kernels::Compute compute, ThreadPool& pool)
    : ops_(ops),
      compute_(compute),
      pool_(pool),
      columns_(static_cast<std::size_t>(kColumnBytes * pool.size())) {}

ActivationForm Projector::form_of(const Product& product) const {
  return kernels::form_for(ops_, compute_, role_, product.weights->source);
}

WantedForms Projector::wanted_by(std::span<const Product> products) const {
  WantedForms wanted = {};
  for (const Product& product : products) wanted[static_cast<std::size_t>(form_of(product))] = true;
  return wanted;
}

void Projector::reserve(PreparedRows& rows, std::int64_t count, std::int64_t k,
                        std::span<const Product> products) const {
  rows.reserve(count, k, wanted_by(products));
}

// --- rows in ---

void Projector::prepare(const ProjectionInput& input, std::span<const Product> products) {
  const std::int64_t threads = pool_.size(), copies = input.rows <= kOwnRows ? threads : 1;
  own_.reserve(input.rows, input.k, wanted_by(products), copies);
  // Rows of one block share cache lines: they are shared out by columns where blocks are too few.
  const std::int64_t block = own_.view(form_of(products.front())).block;
  const bool by_columns = copies == 1 && input.rows < 2 * threads * block;
  own_filled_.assign(static_cast<std::size_t>(copies), 0);
  const std::int64_t normed_rows = (by_columns ? threads : copies) * input.rows;
  const auto normed = static_cast<std::size_t>(normed_rows * round_up(input.k, 16)) * sizeof(float);
  if (input.norm != nullptr && normed_.size() < normed) normed_ = AlignedBuffer(normed);
  if (copies > 1 || threads == 1) return;  // each thread fills its own, when it comes
  if (by_columns) {
    const std::int64_t groups = (input.k + kernels::kGroup - 1) / kernels::kGroup;
    pool_.split(groups, [&](int part, std::int64_t begin, std::int64_t end) {
      const std::int64_t last = std::min(end * kernels::kGroup, input.k);
      fill(input, {.copy = 0, .normed = part, .row = 0, .rows = input.rows}, begin * kernels::kGroup, last);
    });
  } else {
    pool_.split((input.rows + block - 1) / block, [&](int, std::int64_t begin, std::int64_t end) {
      const std::int64_t row = begin * block, last = std::min(end * block, input.rows);
      fill(input, {.copy = 0, .normed = 0, .row = row, .rows = last - row}, 0, input.k);
    });
  }
  own_filled_.front() = 1;
}

// Prepares columns [begin, end) of some rows. What is normalised first, is so in all its columns, some rows
// at a time, which are prepared while they are in the second-level cache.
void Projector::fill(const ProjectionInput& input, const RowsToFill& which, std::int64_t begin,
                     std::int64_t end) const {
  const float* x = input.x + which.row * input.stride;
  if (input.norm == nullptr)
    return own_.fill(ops_, {x + begin, input.stride, which.row, which.rows, begin, end - begin}, which.copy);
  const std::int64_t stride = round_up(input.k, 16);
  float* normed = normed_.as<float>() + (which.normed * input.rows + which.row) * stride;
  for (std::int64_t done = 0; done < which.rows; done += kNormedRows) {
    const std::int64_t rows = std::min(kNormedRows, which.rows - done);
    for (std::int64_t row = 0; row < rows; ++row)
      ops_.rms_norm(x + (done + row) * input.stride, input.norm, input.eps, normed + row * stride, input.k);
    own_.fill(ops_, {normed + begin, stride, which.row + done, rows, begin, end - begin}, which.copy);
  }
}

// The copy this worker reads; filled now if it is the worker's own.
std::int64_t Projector::copy_for(const ProjectionInput& input, const PreparedRows& rows, int worker) {
  if (&rows != &own_) return 0;
  const std::int64_t copy = own_.copies() > 1 ? worker : 0;
  char& filled = own_filled_[static_cast<std::size_t>(copy)];
  if (filled == 0) {
    fill(input, {.copy = copy, .normed = copy, .row = 0, .rows = input.rows}, 0, input.k);
    filled = 1;
  }
  return copy;
}

// --- columns out ---

// In how many claims the threads take `panels`: a multiple of the threads, so that their shares are even.
Projector::Claims Projector::claims(const PreparedRows& rows, std::span<const Product> products,
                                    bool together) const {
  const std::int64_t abreast = together ? static_cast<std::int64_t>(products.size()) : 1;
  const bool resident = rows.rows() * rows.cols() * 2 <= kResidentBytes;
  const std::int64_t panel_bytes = rows.rows() * kPanelRows * 4 * abreast;
  const std::int64_t most =
      std::max<std::int64_t>(2, ((resident ? kResidentColumnBytes : kColumnBytes) / panel_bytes - 1) / 2 * 2);
  std::int64_t panels = 0, weight_bytes = 0;
  for (const Product& product : products) {
    panels += product.weights->panels;
    weight_bytes += product.weights->panels * product.weights->panel_bytes;
  }
  if (together) panels /= abreast;
  std::int64_t claims = (panels + most - 1) / most;
  if (rows.rows() <= kFewRows)
    claims = std::max(claims, std::min(weight_bytes / kClaimWeights, pool_.size() * kClaimsPerThread));
  // Claims end at whole pairs of panels: the widest is a pair wider than the narrowest, and must fit, too.
  const std::int64_t pairs = (panels + 1) / 2;
  claims = round_up(std::max<std::int64_t>(claims, 1), pool_.size());
  while ((pairs + claims - 1) / claims * 2 > most) claims += pool_.size();
  return {claims, pool_.size(), rows.rows() >= kTaperingRows && rows.rows() <= kFewRows};
}

std::int64_t Projector::Claims::begin(std::int64_t claim, std::int64_t length) const {
  if (!tapering) return length * claim / even;
  const std::int64_t of_thread = even / threads, run = claim / (of_thread + 2), i = claim % (of_thread + 2);
  const std::int64_t sixteenths = i < of_thread ? 16 * i : 16 * of_thread - (i == of_thread ? 4 : 1);
  return length * (16 * of_thread * run + sixteenths) / (16 * even);
}

// The panels of one claim: whole pairs, so that columns come in whole groups.
Projector::Stretch Projector::stretch(std::int64_t panels, std::int64_t claim, const Claims& claims) {
  const std::int64_t pairs = (panels + 1) / 2;
  return {claims.begin(claim, pairs) * 2, std::min(claims.begin(claim + 1, pairs) * 2, panels)};
}

Columns Projector::compute(const PreparedRows& rows, std::int64_t copy, std::span<const Product> products,
                           const Stretch& stretch, int worker) const {
  Columns out = {.first = stretch.begin * kPanelRows};
  const std::int64_t panels = stretch.end - stretch.begin;
  out.count = std::min(panels * kPanelRows, products.front().weights->n - out.first);
  out.stride = (panels | 1) * kPanelRows;  // an odd number of lines: rows meet in no cache set
  float* at = columns_.as<float>() + worker * (kColumnBytes / 4);
  for (std::size_t i = 0; i < products.size(); ++i, at += rows.rows() * out.stride) {
    const ActivationForm form = form_of(products[i]);
    out.y[i] = at;
    ops_.linear(*products[i].weights, rows.view(form, copy), form, products[i].bias, at - out.first,
                out.stride, stretch.begin, stretch.end);
  }
  return out;
}

void Projector::multiply(const ProjectionInput& input, std::span<const Product> products,
                         std::span<const Target> targets) {
  prepare(input, products);
  std::int64_t panels = 0;
  for (const Product& product : products) panels += round_up(product.weights->panels, 2);
  const Claims claims = this->claims(own_, products, false);
  pool_.share(claims.count(), [&](int worker, std::int64_t claim) {
    const Stretch all = stretch(panels, claim, claims);  // of the products' panels, one after the other
    std::int64_t first = 0;
    for (std::size_t i = 0; i < products.size(); ++i) {
      const std::int64_t own = products[i].weights->panels;
      const Stretch part = {std::max(all.begin - first, std::int64_t{0}), std::min(all.end - first, own)};
      first += round_up(own, 2);
      if (part.begin >= part.end) continue;
      const std::int64_t copy = copy_for(input, own_, worker);
      if (input.rows <= kFewRows && keeps_order(targets[i], input.rows)) {
        compute_in_place(copy, products[i], part, targets[i]);
      } else {
        deliver(compute(own_, copy, products.subspan(i, 1), part, worker), input.rows, targets[i]);
      }
    }
  });
}

// Few rows go to their places at once: their panels' lines are few, and a copy of all logits is not.
void Projector::compute_in_place(std::int64_t copy, const Product& product, const Stretch& stretch,
                                 const Target& to) const {
  const ActivationForm form = form_of(product);
  float* y = to.rows == nullptr ? to.y : to.y + to.rows[0] * to.stride;
  ops_.linear(*product.weights, own_.view(form, copy), form, product.bias, y, to.stride, stretch.begin,
              stretch.end);
}

void Projector::deliver(const Columns& columns, std::int64_t rows, const Target& to) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t to_row = to.rows != nullptr ? to.rows[row] : row;
    std::memcpy(to.y + to_row * to.stride + columns.first, columns.y[0] + row * columns.stride,
                static_cast<std::size_t>(columns.count) * sizeof(float));
  }
}

void Projector::run_together(const ProjectionInput& input, const PreparedRows& rows,
                             std::span<const Product> products, FinishColumns finish, const void* context) {
  const std::int64_t panels = products.front().weights->panels;
  const Claims claims = this->claims(rows, products, true);
  pool_.share(claims.count(), [&](int worker, std::int64_t claim) {
    const Stretch own = stretch(panels, claim, claims);
    if (own.begin < own.end)
      finish(context, compute(rows, copy_for(input, rows, worker), products, own, worker));
  });
}

}  // namespace atelier::model
