// What our pages may do, as Content-Security-Policy says it. They load nothing from elsewhere and run no
// inline script, whatever a model or a document writes into them.
#pragma once

#include <string_view>

namespace atelier::server {

inline constexpr std::string_view kPagePolicy =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// The API's page: its elements carry styles and small pictures of their own.
inline constexpr std::string_view kDocsPolicy =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace atelier::server
