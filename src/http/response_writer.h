// A ResponseWriter is the right to answer one request, once: with a whole response, or with a stream. Letting
// it go unanswered answers 500; letting go of an unfinished stream cuts the connection, so that the client
// sees that something is missing.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace atelier::http {

// Every call from any thread. Callbacks run on the connection's own thread (one at a time per connection),
// never inside a call to the writer from another thread, and are let go when the answer is complete or the
// client has gone; they may hold this writer.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;

  virtual void respond(Response response) = 0;

  // A stream: begin, any number of sends, end. `head.body` is not sent. Bytes are queued; when full() the
  // sender should stop until on_drained. send returns false once the client has gone.
  virtual void begin_stream(Response head) = 0;
  virtual bool send(std::string_view bytes) = 0;
  virtual void end_stream() = 0;
  virtual bool full() const = 0;

  virtual bool closed() const = 0;                         // the client has gone
  virtual void on_closed(std::function<void()> call) = 0;  // once, at once if it has gone already
  virtual void on_drained(std::function<void()> call) = 0;

  // Runs `task` on the connection's thread; drops it if the client has gone or the answer is complete.
  virtual void post(std::function<void()> task) = 0;
};

}  // namespace atelier::http
