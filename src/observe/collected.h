// Metrics that are read when somebody asks, in place of being kept up to date.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "observe/metrics.h"

namespace atelier::observe {

using Collected = std::vector<prometheus::MetricFamily>;
using Labels = std::vector<prometheus::ClientMetric::Label>;

// "model_name" and "engine", as every metric of the engine has them.
Labels engine_labels(const std::string& model_name);

void add_engine_metrics(const MetricsTerms& terms, Collected& out);
void add_process_metrics(Collected& out);

// What dashboards of older versions of vLLM ask for: the same numbers under their old names.
void add_old_names(Collected& out);

}  // namespace atelier::observe
