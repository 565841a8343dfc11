// The Watchers are those who look on while requests are answered: what is counted, traced and told of them.
#pragma once

#include <memory>

#include "observe/metrics.h"
#include "observe/span_exporter.h"

namespace atelier::server {

struct Watchers {
  std::shared_ptr<observe::Metrics> metrics;     // never null
  std::shared_ptr<observe::SpanExporter> spans;  // null = no traces
  bool timings = false;                          // every reply tells how long it took
};

}  // namespace atelier::server
