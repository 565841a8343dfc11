#include "formats/tensor_index.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/checked.h"

namespace atelier::formats {
namespace {

constexpr std::int64_t kMaxExtent = std::int64_t{1} << 62;

std::vector<std::uint32_t> positions(std::size_t count) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  return order;
}

Status check_overlaps(std::span<const TensorEntry> entries) {
  const auto begin = [&](std::uint32_t i) { return entries[i].bytes.data(); };
  std::vector<std::uint32_t> order = positions(entries.size());
  std::erase_if(order, [&](std::uint32_t i) { return entries[i].bytes.empty(); });
  std::ranges::sort(order, [&](auto a, auto b) { return std::less<>()(begin(a), begin(b)); });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const TensorEntry &before = entries[order[i - 1]], &after = entries[order[i]];
    if (std::less<>()(after.bytes.data(), before.bytes.data() + before.bytes.size())) {
      return fail(Fault::kCorrupt, "tensors '{}' and '{}' overlap in the file", before.name, after.name);
    }
  }
  return {};
}

}  // namespace

Result<std::int64_t> tensor_bytes(std::string_view name, DType dtype, std::span<const std::int64_t> shape) {
  std::int64_t values = 1;
  for (std::int64_t extent : shape) {
    const auto product = extent < 0 ? std::nullopt : checked_mul(values, extent);
    if (!product || *product > kMaxExtent) {
      return fail(Fault::kCorrupt, "tensor '{}' has shape [{}]: more values than any file holds (limit 2^62)",
                  name, fmt::join(shape, ", "));
    }
    values = *product;
  }
  const std::int64_t row = shape.empty() ? 1 : shape.back();
  const DTypeTraits type = traits(dtype);
  if (row % type.block_values != 0) {
    return fail(Fault::kCorrupt, "tensor '{}' has rows of {} values; {} stores blocks of {}", name, row,
                type.name, type.block_values);
  }
  const auto bytes = checked_mul(values / type.block_values, type.block_bytes);
  if (!bytes || *bytes > kMaxExtent) {
    return fail(Fault::kCorrupt, "tensor '{}' has {} values of {}: over the limit of 2^62 bytes", name,
                values, type.name);
  }
  return *bytes;
}

bool is_printable(std::string_view name) {
  return std::ranges::none_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Result<TensorIndex> TensorIndex::build(std::vector<TensorEntry> entries) {
  TensorIndex index;
  index.by_name_ = positions(entries.size());
  std::ranges::sort(index.by_name_, {}, [&](std::uint32_t i) { return std::string_view(entries[i].name); });
  for (std::size_t i = 1; i < entries.size(); ++i) {
    const std::string& name = entries[index.by_name_[i]].name;
    if (name == entries[index.by_name_[i - 1]].name) {
      return fail(Fault::kCorrupt, "two tensors are called '{}'", name);
    }
  }
  ATELIER_TRY_STATUS(check_overlaps(entries));
  index.entries_ = std::move(entries);
  return index;
}

const TensorEntry* TensorIndex::find(std::string_view name) const {
  const auto name_at = [&](std::uint32_t i) { return std::string_view(entries_[i].name); };
  const auto found = std::ranges::lower_bound(by_name_, name, {}, name_at);
  return found != by_name_.end() && name_at(*found) == name ? &entries_[*found] : nullptr;
}

}  // namespace atelier::formats
