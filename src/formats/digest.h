// A Digest is the running hash of a file that is still arriving. Checksum says which hash a finished file
// must have: SHA-256 (large files on a hub), or git's own SHA-1 over "blob <size>\0" + bytes (small ones).
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace atelier::formats {

struct Checksum {
  enum class Kind { kNone, kSha256, kGitSha1 };
  Kind kind = Kind::kNone;
  std::string hex;  // lower case

  // 64 hex digits: SHA-256; 40: git's SHA-1; anything else: kNone.
  static Checksum from_hex(std::string_view hex);
  std::string_view kind_name() const;
};

class Digest {
 public:
  // `file_bytes`: the whole file's size, which git's hash begins with.
  Digest(Checksum::Kind kind, std::int64_t file_bytes);

  void add(std::span<const std::byte> bytes);
  std::string hex() const;  // of all bytes so far; more may follow. "" for kNone

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const;
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;  // null for kNone
};

// The SHA-256 of `bytes` as 64 lower-case hex digits.
std::string sha256_hex(std::span<const std::byte> bytes);

}  // namespace atelier::formats
