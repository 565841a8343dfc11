#include "http/outbox.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace atelier::http {

// Callbacks own what they were made from, perhaps the last handle of all: they are let go after the lock.

bool Outbox::respond(const Response& response) {
  Callbacks done;
  std::lock_guard lock(mutex_);
  if (state_ != State::kSilent || closed_) return false;
  const bool bare = response.status == 204 || response.status == 304;
  say(response, bare ? Framing::Body::kNone : Framing::Body::kLength);
  if (!bare && !terms_.head_only) waiting_ += response.body;
  state_ = State::kEnded;
  std::swap(done, callbacks_);
  return wake();
}

bool Outbox::begin_stream(const Response& head) {
  std::lock_guard lock(mutex_);
  if (state_ != State::kSilent || closed_) return false;
  if (!terms_.chunks) terms_.keep_alive = false;  // HTTP/1.0: the end of the connection ends the stream
  say(head, terms_.chunks ? Framing::Body::kChunked : Framing::Body::kUntilClose);
  state_ = State::kStreaming;
  return wake();
}

bool Outbox::send(std::string_view bytes) {
  std::lock_guard lock(mutex_);
  if (state_ != State::kStreaming || closed_ || terms_.head_only || bytes.empty()) return false;
  if (terms_.chunks) fmt::format_to(std::back_inserter(waiting_), "{:x}\r\n", bytes.size());
  waiting_ += bytes;
  if (terms_.chunks) waiting_ += "\r\n";
  if (waiting() + leaving_ > terms_.limit_bytes) was_full_ = true;
  return wake();
}

bool Outbox::end_stream() {
  Callbacks done;
  std::lock_guard lock(mutex_);
  if (state_ != State::kStreaming || closed_) return false;
  if (terms_.chunks && !terms_.head_only) waiting_ += "0\r\n\r\n";
  state_ = State::kEnded;
  std::swap(done, callbacks_);
  return wake();
}

bool Outbox::abandon(const Response& apology) {
  Callbacks done;
  std::lock_guard lock(mutex_);
  if (closed_ || state_ == State::kEnded || state_ == State::kCut) return false;
  std::swap(done, callbacks_);
  if (state_ == State::kStreaming) {
    state_ = State::kCut;
    return wake();
  }
  say(apology, Framing::Body::kLength);
  if (!terms_.head_only) waiting_ += apology.body;
  state_ = State::kEnded;
  return wake();
}

void Outbox::say(const Response& response, Framing::Body body) {
  waiting_ = response_head(
      response, {.body = body, .length_bytes = response.body.size(), .keep_alive = terms_.keep_alive});
}

bool Outbox::wake() {
  return !std::exchange(awake_, true);
}

bool Outbox::full() const {
  std::lock_guard lock(mutex_);
  return waiting() + leaving_ > terms_.limit_bytes;
}

bool Outbox::closed() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

bool Outbox::finished() const {
  std::lock_guard lock(mutex_);
  return closed_ || state_ == State::kEnded || state_ == State::kCut;
}

bool Outbox::keep_alive() const {
  std::lock_guard lock(mutex_);
  return terms_.keep_alive && state_ == State::kEnded;
}

bool Outbox::on_closed(std::function<void()> call) {
  std::lock_guard lock(mutex_);
  if (closed_) return false;
  if (state_ == State::kSilent || state_ == State::kStreaming) std::swap(callbacks_.closed, call);
  return true;
}

void Outbox::on_drained(std::function<void()> call) {
  std::lock_guard lock(mutex_);
  if (!closed_ && state_ != State::kEnded) std::swap(callbacks_.drained, call);
}

Outbox::Piece Outbox::take(std::size_t most_bytes) {
  std::lock_guard lock(mutex_);
  Piece piece;
  if (waiting() <= most_bytes && taken_ == 0) {
    piece.bytes = std::exchange(waiting_, {});
  } else {
    piece.bytes = waiting_.substr(taken_, most_bytes);
    taken_ += piece.bytes.size();
    if (waiting() == 0) {
      waiting_.clear();
      taken_ = 0;
    }
  }
  leaving_ = piece.bytes.size();
  awake_ = leaving_ > 0;  // the next look comes with written()
  piece.last = waiting() == 0 && (state_ == State::kEnded || state_ == State::kCut);
  piece.cut = state_ == State::kCut;
  return piece;
}

std::function<void()> Outbox::written() {
  std::lock_guard lock(mutex_);
  leaving_ = 0;
  if (!was_full_ || waiting() > terms_.limit_bytes / 2) return {};
  was_full_ = false;
  return callbacks_.drained;
}

std::function<void()> Outbox::close() {
  Callbacks done;
  std::lock_guard lock(mutex_);
  if (std::exchange(closed_, true)) return {};
  waiting_.clear();
  taken_ = 0;
  std::swap(done, callbacks_);
  return std::move(done.closed);
}

}  // namespace atelier::http
