// A temporary folder in which a test lays out a model file by file. For tests only.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "formats/gguf_writer_for_tests.h"

namespace atelier::bundle {

class ModelFolderForTests {
 public:
  ModelFolderForTests() {
    static std::atomic<int> count = 0;
    path_ = std::filesystem::temp_directory_path() / fmt::format("atelier-model-{}-{}", getpid(), count++);
    std::filesystem::create_directories(path_);
  }
  ModelFolderForTests(const ModelFolderForTests&) = delete;
  ~ModelFolderForTests() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
  }

  // A Qwen2 shape around an embedding of `rows` rows, the only tensor: enough to open, not to run.
  void write_hf_model(std::int64_t rows) const {
    write("config.json",
          R"({"model_type":"qwen2","hidden_size":2,"num_hidden_layers":1,"num_attention_heads":1,)"
          R"("num_key_value_heads":1,"intermediate_size":2,"max_position_embeddings":64,)"
          R"("rms_norm_eps":1e-6,"tie_word_embeddings":true,"eos_token_id":3,"vocab_size":)" +
              std::to_string(rows) + "}");
    std::string header = fmt::format(
        R"({{"model.embed_tokens.weight":{{"dtype":"F32","shape":[{},2],"data_offsets":[0,{}]}}}})", rows,
        rows * 8);
    while (header.size() % 8 != 0) header += ' ';
    const std::uint64_t length = header.size();
    write("model.safetensors", std::string(reinterpret_cast<const char*>(&length), 8) + header +
                                   std::string(static_cast<std::size_t>(rows * 8), '\0'));
  }

 private:
  std::filesystem::path path_;
};

}  // namespace atelier::bundle
