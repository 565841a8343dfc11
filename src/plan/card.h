// The cards that people ask about, with the figures their makers publish: dense, without sparsity.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace atelier::plan {

struct Card {
  std::string_view name;  // as --card spells it
  std::string_view title;
  double memory_bytes = 0;  // decimal gigabytes as sold: a little less than the driver shows
  double bytes_per_s = 0;
  double bf16_per_s = 0;  // operations, a multiply and an add being two; fp16 where the card has no bf16
  double int8_per_s = 0;
};

std::span<const Card> cards();
const Card* find_card(std::string_view name);  // nullptr: none of that name
std::string card_names();                      // "4090, a10, …"

}  // namespace atelier::plan
