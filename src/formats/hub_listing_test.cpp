#include <gtest/gtest.h>

#include <string>

#include "formats/download.h"
#include "formats/hub_settings.h"
#include "formats/hugging_face.h"
#include "formats/model_hub.h"
#include "formats/modelscope.h"

namespace atelier::formats {
namespace {

const std::string kCommit(40, 'c');

TEST(HuggingFaceListing, ReadsSizesAndHashes) {
  const auto listing =
      parse_hugging_face_listing(R"({"sha": ")" + kCommit + R"(", "siblings": [
        {"rfilename": "config.json", "size": 12, "blobId": ")" +
                                 std::string(40, 'b') + R"("},
        {"rfilename": "m.safetensors", "size": 99, "blobId": ")" +
                                 std::string(40, 'b') + R"(", "lfs": {"sha256": ")" + std::string(64, 'd') +
                                 R"(", "size": 99}}, {"rfilename": "bare"}]})");
  ASSERT_TRUE(listing.has_value()) << listing.error().message;
  EXPECT_EQ(listing->commit, kCommit);
  ASSERT_EQ(listing->files.size(), 3u);
  EXPECT_EQ(listing->files[0].checksum.kind, Checksum::Kind::kGitSha1);
  EXPECT_EQ(listing->files[1].checksum.hex, std::string(64, 'd'));
  EXPECT_EQ(listing->files[1].bytes, 99);
  EXPECT_EQ(listing->files[2].bytes, -1);
  EXPECT_EQ(listing->files[2].checksum.kind, Checksum::Kind::kNone);
}

TEST(HuggingFaceListing, TwoSizesForOneFileAreALie) {
  const auto listing = parse_hugging_face_listing(
      R"({"sha": ")" + kCommit + R"(", "siblings": [{"rfilename": "x", "size": 5, "lfs": {"size": 6}}]})");
  ASSERT_FALSE(listing.has_value());
  EXPECT_EQ(listing.error().fault, Fault::kCorrupt);
}

TEST(ModelScopeListing, EqualFilesGiveAnEqualCommit) {
  const auto listing = [](const std::string& first, const std::string& second) {
    return parse_modelscope_listing(R"({"Data": {"Files": [)" + first + "," + second +
                                    R"(, {"Path": "dir", "Type": "tree"}]}})");
  };
  const std::string a =
      R"({"Path": "a.json", "Size": 3, "Type": "blob", "Sha256": ")" + std::string(64, '1') + "\"}";
  const std::string b =
      R"({"Path": "b/c.json", "Size": 4, "Type": "blob", "Sha256": ")" + std::string(64, '2') + "\"}";
  ASSERT_TRUE(listing(a, b).has_value());
  EXPECT_EQ(listing(a, b)->files.size(), 2u);
  EXPECT_EQ(listing(a, b)->commit.size(), 40u);
  EXPECT_EQ(listing(a, b)->commit, listing(b, a)->commit);
  EXPECT_NE(listing(a, b)->commit, listing(a, a)->commit);
}

TEST(HttpClient, OriginsAndEncoding) {
  EXPECT_EQ(origin_of("https://Hub.Example/x?y"), "https://hub.example");
  EXPECT_EQ(origin_of("https://hub.example:443/x"), "https://hub.example");
  EXPECT_EQ(origin_of("http://hub.example:443/x"), "http://hub.example:443");
  EXPECT_EQ(origin_of("https://user:word@hub.example/"), "https://hub.example");
  EXPECT_EQ(origin_of("file:///etc/passwd"), "");
  EXPECT_EQ(origin_of("nonsense"), "");
  EXPECT_EQ(percent_encoded("a b/c?d#é"), "a%20b%2Fc%3Fd%23%C3%A9");
  EXPECT_EQ(percent_encoded("a b/c", "/"), "a%20b/c");
}

TEST(Catalogue, PartsAddUpToTheFile) {
  for (const CatalogueEntry& entry : catalogue()) {
    std::int64_t bytes = 0;
    for (const RegistryPart& part : entry.parts) {
      bytes += part.bytes;
      EXPECT_EQ(Checksum::from_hex(part.wheel_sha256).kind, Checksum::Kind::kSha256) << part.package;
    }
    EXPECT_EQ(bytes, entry.bytes) << entry.name;
    EXPECT_EQ(Checksum::from_hex(entry.sha256).kind, Checksum::Kind::kSha256) << entry.name;
  }
  EXPECT_EQ(catalogue().size(), 3u);
}

}  // namespace
}  // namespace atelier::formats
