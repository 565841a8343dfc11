// The Gate is what a request passes before it finds its handler: pages of other origins, keys, limits.
#pragma once

#include <memory>
#include <string>

#include "server/call.h"
#include "server/key_ring.h"
#include "server/origin_rules.h"
#include "server/rate_limiter.h"

namespace atelier::server {

struct GateOptions {
  std::vector<std::string> keys;  // empty: everybody may
  RateLimits limits;              // of one key, or of one address where there are no keys
  OriginOptions origins;
};

// Any thread. Must outlive the calls it admitted.
class Gate {
 public:
  explicit Gate(GateOptions options);

  // false: the call has been answered. `open`: what everybody may see without a key, such as the page's
  // files and the probes.
  bool admit(Call& call, bool open);

 private:
  bool check_limits(Call& call, std::optional<std::size_t> key);

  const KeyRing keys_;
  const OriginRules origins_;
  RateLimiter limiter_;
};

// Which of the clients without a key this is: an IPv4 address, or the /64 network of an IPv6 one, which is as
// much as one subscriber has.
std::string client_address(std::string_view remote);

}  // namespace atelier::server
