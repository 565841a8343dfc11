// An Outbox is where an answer waits for the wire: filled from any thread, emptied by the connection's.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace atelier::http {

class Outbox {
 public:
  struct Terms {
    std::size_t limit_bytes = 256u << 10;
    bool head_only = false;  // the request was HEAD
    bool chunks = true;      // HTTP/1.1
    bool keep_alive = true;  // as far as the request and the server want it
  };
  explicit Outbox(Terms terms) : terms_(terms) {}

  // Any thread. Each returns whether the connection's thread has to be woken.
  bool respond(const Response& response);
  bool begin_stream(const Response& head);
  bool send(std::string_view bytes);
  bool end_stream();
  bool abandon(
      const Response& apology);  // nobody will write any more: `apology` if nothing was said, else a cut

  bool full() const;
  bool closed() const;
  bool finished() const;                       // answered, or the client has gone
  bool on_closed(std::function<void()> call);  // false: it has gone already, call it yourself
  void on_drained(std::function<void()> call);

  // Connection's thread.
  struct Piece {
    std::string bytes;  // to be written now
    bool last = false;  // nothing follows
    bool cut = false;   // the answer is incomplete: close without ending it
  };
  Piece take(std::size_t most_bytes);
  std::function<void()> written();  // the piece has left; what to call now that there is room, or nothing
  std::function<void()> close();    // the client has gone; what to call, or nothing
  bool keep_alive() const;

 private:
  enum class State { kSilent, kStreaming, kEnded, kCut };
  struct Callbacks {
    std::function<void()> closed, drained;
  };
  void say(const Response& response, Framing::Body body);
  bool wake();
  std::size_t waiting() const { return waiting_.size() - taken_; }

  mutable std::mutex mutex_;  // guards all below
  Terms terms_;
  State state_ = State::kSilent;
  std::string waiting_;  // its first taken_ bytes have left
  std::size_t taken_ = 0;
  std::size_t leaving_ = 0;  // bytes of the piece on its way
  bool awake_ = false;       // the connection's thread knows that there is something
  bool closed_ = false;      // the client has gone
  bool was_full_ = false;
  Callbacks callbacks_;
};

}  // namespace atelier::http
