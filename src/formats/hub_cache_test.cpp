#include "formats/hub_cache.h"

#include <gtest/gtest.h>

#include <string>

#include "base/test_data.h"
#include "formats/hub.h"
#include "formats/scratch_folder.h"

namespace atelier::formats {
namespace {

const std::string kCommit(40, 'a');

Checksum sum(char letter) {
  return Checksum::from_hex(std::string(64, letter));
}

TEST(HubCache, Names) {
  EXPECT_EQ(cache_folder("models", "org/name"), "models--org--name");
  EXPECT_EQ(cache_folder("atelier", "smollm2"), "atelier--smollm2");
  const RepoFolder folder("/c", "models--o--n");
  EXPECT_EQ(folder.blob_path(sum('b')), "/c/models--o--n/blobs/" + std::string(64, 'b'));
  EXPECT_EQ(folder.lock_path(sum('b')), "/c/.locks/models--o--n/" + std::string(64, 'b') + ".lock");
}

TEST(HubCache, LinksAreRelativeAlsoFromSubfolders) {
  const ScratchFolder scratch;
  const RepoFolder folder(scratch.path(), "models--o--n");
  scratch.write("models--o--n/blobs/" + sum('b').hex, "text");
  ASSERT_TRUE(folder.link(kCommit, "sub/x.json", sum('b')));
  ASSERT_TRUE(folder.link(kCommit, "sub/x.json", sum('b'))) << "again is fine";
  const auto link = folder.snapshot_path(kCommit) / "sub" / "x.json";
  EXPECT_EQ(std::filesystem::read_symlink(link), "../../../blobs/" + sum('b').hex);
  EXPECT_EQ(read_file(link), "text");
  scratch.write("models--o--n/blobs/" + sum('c').hex, "new");
  ASSERT_TRUE(folder.link(kCommit, "sub/x.json", sum('c')));
  EXPECT_EQ(read_file(link), "new");
}

TEST(HubCache, MainComesFirst) {
  const ScratchFolder scratch;
  const RepoFolder folder(scratch.path(), "models--o--n");
  EXPECT_TRUE(folder.snapshots().empty());
  for (const char letter : {'a', 'b', 'c'}) {
    scratch.write("models--o--n/snapshots/" + std::string(40, letter) + "/config.json", "{}");
  }
  ASSERT_TRUE(folder.set_main(std::string(40, 'b')));
  ASSERT_EQ(folder.snapshots().size(), 3u);
  EXPECT_EQ(folder.snapshots()[0], folder.snapshot_path(std::string(40, 'b')));
  scratch.write("models--o--n/refs/main", "../../../etc\n");
  EXPECT_EQ(folder.snapshots().size(), 3u);
}

TEST(HubCache, AModelIsHereOnlyWhenWhole) {
  const ScratchFolder scratch;
  const auto here = [&](const std::string& quantisation = "") {
    return model_in_snapshot(scratch.path(), "o/n", quantisation);
  };
  EXPECT_EQ(here().value(), std::nullopt);
  scratch.write("model-00001-of-00002.safetensors", "1");
  scratch.write(
      "model.safetensors.index.json",
      R"({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}})");
  scratch.write("config.json", "{}");
  EXPECT_EQ(here().value(), std::nullopt) << "the second shard is missing";
  scratch.write("model-00002-of-00002.safetensors", "2");
  ASSERT_TRUE(here().value().has_value());
  EXPECT_EQ(here().value()->path, scratch.path());
  scratch.write("model.safetensors.index.json", R"({"weight_map": {"a": "../../secret"}})");
  EXPECT_EQ(here().value(), std::nullopt) << "an index that leads elsewhere";
  scratch.write("n-q4_0.gguf", "GGUF");
  EXPECT_EQ(here("Q4_0").value()->path, scratch.path() / "n-q4_0.gguf");
  EXPECT_EQ(here("Q8_0").value(), std::nullopt);
}

TEST(HubCache, ALinkToAMissingBlobIsNoFile) {
  const ScratchFolder scratch;
  std::filesystem::create_symlink("../../blobs/gone", scratch.path() / "x.gguf");
  EXPECT_EQ(model_in_snapshot(scratch.path(), "o/n", "").value(), std::nullopt);
}

TEST(HubCache, ListsWhatIsHere) {
  const ScratchFolder scratch;
  scratch.write("models--o--n/snapshots/" + kCommit + "/config.json", "{}");
  scratch.write("models--o--n/snapshots/" + kCommit + "/model.safetensors", "12345");
  scratch.write("models--o--g/snapshots/" + kCommit + "/g-q4_0.gguf", "GGUF");
  scratch.write("models--o--g/snapshots/" + kCommit + "/g-q8_0.gguf", "GGUF");
  scratch.write("modelscope--m--s/snapshots/" + kCommit + "/s.gguf", "GGUF");
  scratch.write("datasets--o--d/snapshots/" + kCommit + "/x.gguf", "GGUF");
  std::string ids;
  for (const HereModel& model : list_cache(scratch.path()))
    ids += model.id + " " + std::to_string(model.bytes) + "; ";
  EXPECT_EQ(ids, "m/s 4; o/g:Q4_0 4; o/g:Q8_0 4; o/n 7; ");
}

std::string chosen(const std::vector<std::string>& names, const std::string& quantisation = "") {
  std::vector<RepoFile> files;
  for (const auto& name : names) files.push_back({name, 1, {}});
  const auto choice = choose_files("o/n", files, quantisation);
  if (!choice) return "error: " + choice.error().message;
  std::string text;
  for (const RepoFile& file : *choice) text += file.path + " ";
  return text;
}

TEST(ChooseFiles, WeightsComeLast) {
  EXPECT_EQ(chosen({"model.safetensors", "config.json", "logo.png", "merges.txt"}),
            "config.json merges.txt model.safetensors ");
  EXPECT_EQ(
      chosen({"model.safetensors.index.json", "model-00001-of-00001.safetensors", "adapter.safetensors"}),
      "model.safetensors.index.json model-00001-of-00001.safetensors ");
  EXPECT_EQ(chosen({"only.safetensors", "x.gguf"}), "only.safetensors ");
}

TEST(ChooseFiles, GgufPrefersTheShortestNameInOnePiece) {
  EXPECT_EQ(chosen({"big/x-q4_0.gguf", "x-q4_0.gguf", "x-q4_0-00001-of-00002.gguf"}, "Q4_0"), "x-q4_0.gguf ");
  EXPECT_EQ(chosen({"mmproj-q4_0.gguf", "x.gguf"}), "x.gguf ");
  EXPECT_EQ(chosen({}).find("error:"), 0u);
}

}  // namespace
}  // namespace atelier::formats
