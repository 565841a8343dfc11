#include "formats/repo_pull.h"

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/progress_bar.h"
#include "base/terminal.h"
#include "formats/download.h"
#include "formats/file_lock.h"
#include "formats/hub_cache.h"
#include "formats/model_name.h"
#include "formats/partial_file.h"

namespace atelier::formats {
namespace {

namespace fs = std::filesystem;

Result<std::vector<RepoFile>> wanted_files(const Hub& hub, const RepoPull& pull, const RepoListing& listing) {
  if (pull.file.empty()) return choose_files(pull.repo, listing.files, pull.quantisation);
  const auto found = std::ranges::find(listing.files, pull.file, &RepoFile::path);
  if (found == listing.files.end()) {
    return fail(Fault::kNotFound, "{} at {} holds no {}", pull.repo, hub.name(), pull.file);
  }
  return std::vector{*found};
}

// One file's bytes, into the folder's blobs.
Status pull_blob(HttpClient& client, const RepoFile& file, DownloadJob job, const RepoFolder& folder) {
  const fs::path place = folder.blob_path(file.checksum);
  std::error_code error;
  const auto is_here = [&] {
    return fs::file_size(place, error) == static_cast<std::uintmax_t>(file.bytes) && !error;
  };
  if (is_here()) return {};
  ATELIER_TRY(const FileLock lock, FileLock::take(folder.lock_path(file.checksum), file.path));
  if (is_here()) return {};
  for (bool again = false;; again = true) {
    ATELIER_TRY(PartialFile partial, PartialFile::open(place, file.bytes, file.checksum));
    const bool resumed = partial.size() > 0;
    ATELIER_TRY_STATUS(download(client, job, partial));
    Status whole = partial.finish();
    if (whole) return whole;
    // What lay here from before may be the rotten part: once more from nothing.
    if (whole.error().fault != Fault::kCorrupt || !resumed || again) {
      whole.error().message += " (" + file.path + ")";
      return whole;
    }
    job.on_retry(whole.error().message + "; fetching all of it again");
  }
}

}  // namespace

Result<fs::path> pull_repo(HttpClient& client, const Hub& hub, const RepoPull& pull) {
  ATELIER_TRY(const RepoListing listing, hub.list(client, pull.repo, pull.answer_within));
  ATELIER_TRY(std::vector<RepoFile> files, wanted_files(hub, pull, listing));
  std::int64_t all_bytes = 0;
  for (RepoFile& file : files) {
    ATELIER_TRY_STATUS(hub.complete(client, pull.repo, listing.commit, file));
    all_bytes += file.bytes;
  }
  log_info("fetching {} from {} ({}, {})", pull.label, hub.name(), format_bytes(all_bytes),
           files.size() == 1 ? files[0].path : fmt::format("{} files", files.size()));

  const RepoFolder folder(pull.cache, hub.folder(pull.repo));
  ProgressBar bar(pull.label, all_bytes);
  std::int64_t before = 0;
  for (const RepoFile& file : files) {
    DownloadJob job;
    job.url = hub.file_url(pull.repo, listing.commit, file.path);
    job.token = hub.token();
    job.patience = pull.patience;
    job.on_progress = [&](std::int64_t here) { bar.set(before + here); };
    job.on_retry = [&](const std::string& message) {
      bar.clear();
      log_warning("{}", message);
    };
    ATELIER_TRY_STATUS(pull_blob(client, file, std::move(job), folder));
    ATELIER_TRY_STATUS(folder.link(listing.commit, file.path, file.checksum));
    before += file.bytes;
    bar.set(before);
  }
  bar.finish();
  ATELIER_TRY_STATUS(folder.set_main(listing.commit));
  const fs::path snapshot = folder.snapshot_path(listing.commit);
  return ends_with_any_case(files.back().path, ".gguf") ? snapshot / files.back().path : snapshot;
}

}  // namespace atelier::formats
