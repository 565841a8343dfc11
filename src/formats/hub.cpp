#include "formats/hub.h"

#include <algorithm>
#include <array>
#include <set>

#include "formats/download.h"
#include "formats/model_name.h"

namespace atelier::formats {
namespace {

// What a model needs beside its weights; the rest of a repository (pictures, other frameworks' weights, code)
// stays where it is.
constexpr std::array<std::string_view, 11> kSideFiles{"config.json",
                                                      "generation_config.json",
                                                      "tokenizer.json",
                                                      "tokenizer_config.json",
                                                      "special_tokens_map.json",
                                                      "added_tokens.json",
                                                      "vocab.json",
                                                      "merges.txt",
                                                      "chat_template.jinja",
                                                      "chat_template.json",
                                                      "model.safetensors.index.json"};

bool is_model_gguf(const RepoFile& file) {
  return ends_with_any_case(file.path, ".gguf") && file.path.find("mmproj") == std::string::npos;
}

std::string quantisations_of(const std::vector<RepoFile>& files) {
  std::set<std::string> found;
  for (const RepoFile& file : files) {
    if (!is_model_gguf(file) || is_sharded_gguf(file.path)) continue;
    if (const std::string one = quantisation_of(file.path); !one.empty()) found.insert(one);
  }
  return fmt::format("{}", fmt::join(found, ", "));
}

Result<std::vector<RepoFile>> choose_gguf(const std::string& repo, const std::vector<RepoFile>& files,
                                          const std::string& quantisation) {
  std::vector<RepoFile> whole;
  std::size_t shards = 0;
  for (const RepoFile& file : files) {
    if (!is_model_gguf(file) || !has_quantisation(file.path, quantisation)) continue;
    if (is_sharded_gguf(file.path)) {
      ++shards;
    } else {
      whole.push_back(file);
    }
  }
  if (!whole.empty()) {
    return std::vector{
        *std::ranges::min_element(whole, {}, [](const RepoFile& file) { return file.path.size(); })};
  }
  const std::string others = quantisations_of(files);
  if (shards > 0) {
    return fail(Fault::kUnsupported,
                "{} holds {} as a GGUF in {} pieces, which this program cannot read; in one "
                "piece: {}",
                repo, quantisation, shards, others.empty() ? "none" : others);
  }
  if (others.empty()) {
    return fail(Fault::kNotFound, "{} holds no GGUF file; give {} without \":{}\" for its safetensors", repo,
                repo, quantisation);
  }
  return fail(Fault::kNotFound, "{} holds no GGUF called {}; it has: {}", repo, quantisation, others);
}

// Shards where there is an index, else the single file, else whatever safetensors lie at the top.
std::vector<RepoFile> weights_of(const std::vector<RepoFile>& files) {
  std::vector<RepoFile> shards, single, any;
  for (const RepoFile& file : files) {
    if (file.path.find('/') != std::string::npos || !file.path.ends_with(".safetensors")) continue;
    any.push_back(file);
    const std::string_view stem = std::string_view(file.path).substr(0, file.path.size() - 12);
    if (stem == "model") {
      single.push_back(file);
    } else if (without_shard(stem) == "model") {
      shards.push_back(file);
    }
  }
  const bool has_index =
      std::ranges::find(files, "model.safetensors.index.json", &RepoFile::path) != files.end();
  if (has_index && !shards.empty()) return shards;
  return single.empty() ? any : single;
}

Result<std::vector<RepoFile>> choose_folder(const std::vector<RepoFile>& files,
                                            std::vector<RepoFile> weights) {
  std::vector<RepoFile> chosen;
  // Weights last: where all weights are here, everything is.
  for (const RepoFile& file : files) {
    if (std::ranges::find(kSideFiles, file.path) != kSideFiles.end()) chosen.push_back(file);
  }
  std::ranges::sort(weights, {}, &RepoFile::path);
  chosen.insert(chosen.end(), weights.begin(), weights.end());
  return chosen;
}

}  // namespace

Status Hub::complete(HttpClient& client, const std::string& repo, const std::string& commit,
                     RepoFile& file) const {
  if (file.bytes >= 0 && file.checksum.kind != Checksum::Kind::kNone) return {};
  HttpRequest request;
  request.method = HttpRequest::Method::kHead;
  request.url = file_url(repo, commit, file.path);
  request.token = token();
  ATELIER_TRY(const HttpClient::Reply reply, client.get(request, 0));
  const HttpHead& head = reply.head;
  if (head.status < 200 || head.status > 299) return std::unexpected(status_failure(head));
  if (file.bytes < 0) {
    const auto linked = head.number("x-linked-size");
    file.bytes = linked ? *linked : head.number("content-length").value_or(-1);
  }
  std::string_view etag = head.header("x-linked-etag");
  if (etag.empty()) etag = head.header("etag");
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  if (file.checksum.kind == Checksum::Kind::kNone) file.checksum = Checksum::from_hex(etag);
  if (file.bytes < 0 || file.bytes > kMaxFileBytes || file.checksum.kind == Checksum::Kind::kNone) {
    return fail(Fault::kNetwork, "{} tells no usable size and hash for {}", name(), file.path);
  }
  return {};
}

Result<std::vector<RepoFile>> choose_files(const std::string& repo, const std::vector<RepoFile>& files,
                                           const std::string& quantisation) {
  if (!quantisation.empty()) return choose_gguf(repo, files, quantisation);
  if (std::vector<RepoFile> weights = weights_of(files); !weights.empty()) {
    return choose_folder(files, std::move(weights));
  }
  std::vector<RepoFile> ggufs;
  std::ranges::copy_if(files, std::back_inserter(ggufs), is_model_gguf);
  if (ggufs.empty()) {
    return fail(Fault::kUnsupported,
                "{} holds neither safetensors nor GGUF files, the formats this program reads", repo);
  }
  if (ggufs.size() == 1 && !is_sharded_gguf(ggufs[0].path)) return ggufs;
  const std::string choice = quantisations_of(files);
  if (choice.empty()) {
    return fail(Fault::kUnsupported, "{} holds its GGUF in several pieces, which this program cannot read",
                repo);
  }
  return fail(Fault::kBadRequest, "{} holds several GGUF files: say which, as in {}:{} (it has: {})", repo,
              repo, choice.substr(0, choice.find(',')), choice);
}

}  // namespace atelier::formats
