#include "formats/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace atelier::formats {

Checksum Checksum::from_hex(std::string_view hex) {
  const auto is_hex = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  if (!std::ranges::all_of(hex, is_hex) || (hex.size() != 64 && hex.size() != 40)) return {};
  Checksum sum{hex.size() == 64 ? Kind::kSha256 : Kind::kGitSha1, std::string(hex)};
  for (char& c : sum.hex) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return sum;
}

std::string_view Checksum::kind_name() const {
  return kind == Kind::kSha256 ? "SHA-256" : kind == Kind::kGitSha1 ? "git SHA-1" : "no checksum";
}

Digest::Digest(Checksum::Kind kind, std::int64_t file_bytes) {
  if (kind == Checksum::Kind::kNone) return;
  context_.reset(EVP_MD_CTX_new());
  const EVP_MD* type = kind == Checksum::Kind::kSha256 ? EVP_sha256() : EVP_sha1();
  ATELIER_CHECK(context_ != nullptr && EVP_DigestInit_ex(context_.get(), type, nullptr) == 1);
  if (kind == Checksum::Kind::kGitSha1) {
    const std::string header = fmt::format("blob {}", file_bytes);
    EVP_DigestUpdate(context_.get(), header.c_str(), header.size() + 1);
  }
}

void Digest::add(std::span<const std::byte> bytes) {
  if (context_ != nullptr) EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

std::string Digest::hex() const {
  if (context_ == nullptr) return "";
  std::unique_ptr<EVP_MD_CTX, Free> copy(EVP_MD_CTX_new());
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  ATELIER_CHECK(copy != nullptr && EVP_MD_CTX_copy_ex(copy.get(), context_.get()) == 1 &&
                EVP_DigestFinal_ex(copy.get(), digest, &length) == 1);
  std::string out;
  for (unsigned int i = 0; i < length; ++i) fmt::format_to(std::back_inserter(out), "{:02x}", digest[i]);
  return out;
}

void Digest::Free::operator()(EVP_MD_CTX* context) const {
  EVP_MD_CTX_free(context);
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  Digest digest(Checksum::Kind::kSha256, 0);
  digest.add(bytes);
  return digest.hex();
}

}  // namespace atelier::formats
