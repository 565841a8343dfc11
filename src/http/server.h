// The Server turns bytes into Requests and Responses into bytes: HTTP/1.1 with keep-alive, pipelining,
// chunked bodies, event streams with back-pressure, deadlines and limits. It knows nothing of what is served.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"
#include "http/response_writer.h"

namespace atelier::http {

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one
  int threads = 2;
  std::size_t max_header_bytes = 16u << 10;
  std::size_t max_target_bytes = 8u << 10;
  std::size_t max_body_bytes = 8u << 20;
  // Of bodies being read, all together; beyond it only those of at most min_body_bytes go on (503).
  std::size_t max_bodies_bytes = 256u << 20;
  std::size_t stream_buffer_bytes = 256u << 10;           // per client; then full()
  std::chrono::milliseconds read_deadline{10'000};        // a whole header; each min_body_bytes of a body
  std::size_t min_body_bytes = 64u << 10;                 // per read_deadline
  std::chrono::milliseconds write_deadline{30'000};       // each piece of at most 64 KiB
  std::chrono::milliseconds keep_alive_deadline{75'000};  // between requests
  int max_connections = 8192;
  int max_connections_per_address = 256;  // loopback is exempt
  // Writes the answer to what never became a Request (400, 408, 413, 414, 417, 431, 503).
  std::function<Response(int status, std::string_view message)> refuse;
};

// Called on the connection's thread: must not block. The writer may be kept and used from any thread.
using Handler = std::function<void(Request, std::shared_ptr<ResponseWriter>)>;

class Server {
 public:
  // Takes the port without listening yet (connections are refused until start). kIo: the address is taken or
  // not this machine's.
  static Result<std::unique_ptr<Server>> bind(Options options);
  ~Server();  // stop(0)

  Status start(Handler handler);
  std::uint16_t port() const;
  std::size_t connections() const;

  // Takes no more connections, closes the idle ones, gives open answers `grace` to be written out, then cuts
  // what remains and joins the threads.
  void stop(std::chrono::milliseconds grace);

 private:
  class Listener;
  explicit Server(std::shared_ptr<Listener> listener);
  std::shared_ptr<Listener> listener_;
};

}  // namespace atelier::http
