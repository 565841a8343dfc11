#include "formats/download.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <thread>

#include "base/terminal.h"

namespace atelier::formats {
namespace {

using std::chrono::milliseconds;

// An attempt that brings less than this counts as bringing nothing; a server that sends one byte a connection
// must not keep us here for ever.
constexpr std::int64_t kProgressBytes = 16 << 10;
constexpr milliseconds kFirstWait{250}, kLongestWait{8'000}, kLongestRetryAfter{30'000},
    kLongestStall{15'000};

struct Range {
  std::int64_t first, total;  // total -1: "*"
};

// "bytes 100-199/200"
std::optional<Range> parse_content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  Range range{-1, -1};
  const auto [dash, error] = std::from_chars(text.data(), text.data() + text.size(), range.first);
  const auto slash = text.find('/');
  if (error != std::errc() || *dash != '-' || slash == text.npos) return std::nullopt;
  const std::string_view total = text.substr(slash + 1);
  if (total == "*") return range;
  const auto [end, bad] = std::from_chars(total.data(), total.data() + total.size(), range.total);
  if (bad != std::errc() || end != total.data() + total.size()) return std::nullopt;
  return range;
}

Status check_size(const HttpHead& head, const PartialFile& file, std::string_view source, std::int64_t says) {
  if (says == file.whole_size()) return {};
  return fail(Fault::kCorrupt, "{}: {} at {} says {} bytes, but the file has {}",
              file.place().filename().string(), source, origin_of(head.url), says, file.whole_size());
}

// What the server says about the file must agree with what its listing said.
Status check_linked(const HttpHead& head, const PartialFile& file) {
  if (const auto linked = head.number("x-linked-size")) {
    ATELIER_TRY_STATUS(check_size(head, file, "X-Linked-Size", *linked));
  }
  std::string_view etag = head.header("x-linked-etag");
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  const Checksum linked = Checksum::from_hex(etag);
  if (linked.kind != Checksum::Kind::kNone && linked.kind == file.checksum().kind &&
      linked.hex != file.checksum().hex) {
    return fail(Fault::kCorrupt,
                "{}: the hub's listing says {}, its download says {}; it may have changed just now",
                file.place().filename().string(), file.checksum().hex, linked.hex);
  }
  return {};
}

// One answer's head: may its body be appended, and from where?
Status accept_head(const HttpHead& head, PartialFile& file) {
  if (head.status == 416) {
    ATELIER_TRY_STATUS(file.cut_to(0));
    return fail(Fault::kNetwork, "{} cannot go on in the middle of the file", origin_of(head.url));
  }
  if (head.status < 200 || head.status > 299) return std::unexpected(status_failure(head));
  ATELIER_TRY_STATUS(check_linked(head, file));
  if (head.status == 206) {
    const auto range = parse_content_range(head.header("content-range"));
    if (!range || range->first != file.size()) {
      ATELIER_TRY_STATUS(file.cut_to(0));
      return fail(Fault::kNetwork, "{} goes on at another place than asked", origin_of(head.url));
    }
    return range->total < 0 ? Status{} : check_size(head, file, "Content-Range", range->total);
  }
  if (head.status != 200) return fail(Fault::kNetwork, "{} answers {}", origin_of(head.url), head.status);
  if (file.size() > 0) ATELIER_TRY_STATUS(file.cut_to(0));  // the server knows no ranges: from the start
  const auto length = head.number("content-length");
  return length ? check_size(head, file, "Content-Length", *length) : Status{};
}

struct Attempt {
  Status outcome;
  milliseconds retry_after{0};
};

Attempt attempt(HttpClient& client, const DownloadJob& job, PartialFile& file) {
  Attempt result;
  const auto on_head = [&](const HttpHead& head) {
    if (const auto seconds = head.number("retry-after")) {
      result.retry_after =
          std::min(kLongestRetryAfter, milliseconds(std::min<std::int64_t>(*seconds, 60) * 1000));
    }
    return accept_head(head, file);
  };
  const auto on_bytes = [&](std::span<const std::byte> bytes) -> Status {
    ATELIER_TRY_STATUS(file.append(bytes));
    job.on_progress(file.size());
    return {};
  };
  HttpRequest request;
  request.url = job.url;
  request.token = job.token;
  request.from_byte = file.size();
  request.stall_after = std::clamp(job.patience / 4, milliseconds(1'000), kLongestStall);
  if (auto head = client.fetch(request, on_head, on_bytes); !head) {
    result.outcome = std::unexpected(std::move(head).error());
  } else if (file.size() < file.whole_size()) {
    result.outcome = fail(Fault::kNetwork, "{} ends after {} of {} bytes", origin_of(head->url), file.size(),
                          file.whole_size());
  }
  return result;
}

std::unexpected<Failure> gave_up(Failure last, const DownloadJob& job, const PartialFile& file) {
  last.message +=
      fmt::format("; gave up after {:.0f} s without progress, {} of {} are kept for the next time",
                  std::chrono::duration<double>(job.patience).count(), format_bytes(file.size()),
                  format_bytes(file.whole_size()));
  return std::unexpected(std::move(last));
}

}  // namespace

Status download(HttpClient& client, const DownloadJob& job, PartialFile& file) {
  using Clock = std::chrono::steady_clock;
  milliseconds wait = kFirstWait;
  auto last_progress = Clock::now();
  std::int64_t furthest = file.size();
  job.on_progress(file.size());
  while (file.size() < file.whole_size()) {
    Attempt result = attempt(client, job, file);
    if (result.outcome) continue;
    if (result.outcome.error().fault != Fault::kNetwork) return result.outcome;
    if (file.size() >= furthest + kProgressBytes) {
      furthest = file.size();
      last_progress = Clock::now();
      wait = kFirstWait;
    }
    const milliseconds pause = std::max(wait, result.retry_after);
    if (Clock::now() + pause > last_progress + job.patience)
      return gave_up(result.outcome.error(), job, file);
    job.on_retry(fmt::format("{}; trying again from {} in {:.1f} s", result.outcome.error().message,
                             format_bytes(file.size()), std::chrono::duration<double>(pause).count()));
    std::this_thread::sleep_for(pause);
    wait = std::min(wait * 2, kLongestWait);
  }
  return {};
}

Failure status_failure(const HttpHead& head) {
  const std::string origin = origin_of(head.url);
  switch (head.status) {
    case 401:
    case 403:
      return {
          Fault::kBadRequest,
          fmt::format("{} answers {}: the model is private, gated or misspelt (it needs a token: HF_TOKEN)",
                      origin, head.status),
          {}};
    case 404:
    case 410:
      return {Fault::kNotFound, fmt::format("{} answers {}: no such model or file", origin, head.status), {}};
    case 429:
      return {Fault::kNetwork, fmt::format("{} answers 429: too many requests for now", origin), {}};
    default:
      return {Fault::kNetwork, fmt::format("{} answers {}", origin, head.status), {}};
  }
}

}  // namespace atelier::formats
