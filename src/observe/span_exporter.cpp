#include "observe/span_exporter.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "client/transfers.h"

namespace atelier::observe {
namespace {

constexpr std::size_t kMaxQueued = 4096, kMaxBatch = 512;
constexpr std::chrono::milliseconds kGather{200};  // so that a busy server's spans go together
constexpr std::chrono::milliseconds kPatience{2'000};

}  // namespace

SpanExporter::SpanExporter(const std::string& url, std::string version)
    : version_(std::move(version)), complained_(false) {
  const std::size_t scheme = url.find("://"), host = scheme == url.npos ? 0 : scheme + 3;
  const std::size_t slash = url.find('/', host);
  base_url_ = url.substr(0, slash);
  path_ = slash == url.npos || slash + 1 == url.size() ? "/v1/traces" : url.substr(slash);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

SpanExporter::~SpanExporter() = default;

void SpanExporter::send(Span span) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() < kMaxQueued) {
      queue_.push_back(std::move(span));
      came_.notify_one();
      return;
    }
  }
  note_dropped(1, "the queue is full");
}

void SpanExporter::run(const std::stop_token& stop) {
  client::Transfers transfers({.base_url = base_url_, .api_key = {}}, 1);
  for (;;) {
    const std::vector<Span> batch = next_batch(stop);
    if (batch.empty()) return;
    const auto reply = transfers.exchange(path_, otlp_json(batch, version_), kPatience);
    if (reply && reply->status / 100 == 2) {
      complained_ = false;
      continue;
    }
    note_dropped(batch.size(), reply ? fmt::format("{}{} answers {}", base_url_, path_, reply->status)
                                     : reply.error().message);
    if (stop.stop_requested()) return;
  }
}

std::vector<Span> SpanExporter::next_batch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  came_.wait(lock, stop, [this] { return !queue_.empty(); });
  came_.wait_for(lock, stop, kGather, [this] { return queue_.size() >= kMaxBatch; });
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kMaxBatch));
  std::vector<Span> batch(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  return batch;
}

void SpanExporter::note_dropped(std::size_t spans, const std::string& why) {
  dropped_ += static_cast<std::int64_t>(spans);
  if (!complained_.exchange(true)) log_warning("trace spans are dropped: {}", why);
}

}  // namespace atelier::observe
