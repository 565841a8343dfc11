// The spellings of flags that vLLM's users know, brought to the one that the table has.
#pragma once

#include <string>
#include <vector>

namespace atelier::config {

// "--max_model_len=4" -> "--max-model-len=4", "-tp" -> "--tensor-parallel-size". Values stay as they are.
std::vector<std::string> plain_spelling(std::vector<std::string> words);

}  // namespace atelier::config
