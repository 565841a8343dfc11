// What a model's publisher recommends for sampling.
#pragma once

#include <boost/json/object.hpp>

#include "bundle/model_bundle.h"

namespace atelier::bundle {

// From generation_config.json. A value that cannot be is left out with a warning: it is advice, not the
// model.
GenerationDefaults read_generation_defaults(const boost::json::object& config);

}  // namespace atelier::bundle
