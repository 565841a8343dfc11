// Transfers are many HTTP exchanges under way at once on one thread: connections are kept and used again, and
// the thread sleeps until one of them has something to say, so that looking after hundreds of slow streams
// costs next to nothing.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace atelier::client {

using Clock = std::chrono::steady_clock;

struct Endpoint {
  std::string base_url;  // "http://127.0.0.1:8000", http or https; no proxy is asked
  std::string api_key;   // "Authorization: Bearer"; "" for none
};

struct Outcome {
  int status = 0;      // of HTTP; 0: there was no answer
  std::string broken;  // why the exchange did not come to its end; "" = it did
};

// One thread at a time. Callbacks run inside step and may start further exchanges.
class Transfers {
 public:
  // Keeps up to `connections` idle ones for later exchanges.
  Transfers(Endpoint endpoint, int connections);
  ~Transfers();  // drops what is under way, without callbacks
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  // `status` is that of the answer the bytes belong to.
  using OnBytes = std::function<void(int status, std::string_view bytes)>;
  using OnEnd = std::function<void(const Outcome&)>;
  // A POST of JSON, or a GET where `body` is empty. `path` begins with "/". `body` must stay until the end.
  void start(const std::string& path, std::string_view body, OnBytes on_bytes, OnEnd on_end);

  // Handles what has come; waits for it until `deadline` at most.
  void step(Clock::time_point deadline);

  std::size_t active() const;

  // One whole exchange, alone. kNetwork: no whole answer within `patience` or more than 64 MiB.
  struct Reply {
    int status = 0;
    std::string body;
  };
  Result<Reply> exchange(const std::string& path, std::string_view body,
                         std::chrono::milliseconds patience = std::chrono::seconds(60));

  const Endpoint& endpoint() const;

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace atelier::client
