#include "formats/digest.h"

#include <gtest/gtest.h>

#include <span>
#include <string>

namespace atelier::formats {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// FIPS 180-2's examples, and the empty message.
TEST(Digest, Sha256OfKnownMessages) {
  EXPECT_EQ(sha256_hex(bytes_of("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex(bytes_of("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Digest million(Checksum::Kind::kSha256, 0);
  const std::string part(1000, 'a');
  for (int i = 0; i < 1000; ++i) million.add(bytes_of(part));
  EXPECT_EQ(million.hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digest, HexMayBeAskedOnTheWay) {
  Digest digest(Checksum::Kind::kSha256, 0);
  digest.add(bytes_of("ab"));
  EXPECT_EQ(digest.hex(), sha256_hex(bytes_of("ab")));
  digest.add(bytes_of("c"));
  EXPECT_EQ(digest.hex(), sha256_hex(bytes_of("abc")));
}

// `printf 'hello\n' | git hash-object --stdin`
TEST(Digest, GitsHashOfABlob) {
  Digest digest(Checksum::Kind::kGitSha1, 6);
  digest.add(bytes_of("hello\n"));
  EXPECT_EQ(digest.hex(), "ce013625030ba8dba906f756967f9e9ca394464a");
}

TEST(Checksum, KindByLength) {
  EXPECT_EQ(Checksum::from_hex(std::string(64, 'A')).kind, Checksum::Kind::kSha256);
  EXPECT_EQ(Checksum::from_hex(std::string(64, 'A')).hex, std::string(64, 'a'));
  EXPECT_EQ(Checksum::from_hex(std::string(40, '0')).kind, Checksum::Kind::kGitSha1);
  for (const std::string& bad : {std::string(), std::string(63, 'a'), std::string(64, 'g'),
                                 std::string("../") + std::string(61, 'a')}) {
    EXPECT_EQ(Checksum::from_hex(bad).kind, Checksum::Kind::kNone) << bad;
  }
}

}  // namespace
}  // namespace atelier::formats
