// ATELIER_CHECK aborts on what only our own mistake can cause; never on anything a client, a file or a peer
// sends.
#pragma once

#include <cstdio>
#include <cstdlib>

#define ATELIER_CHECK(condition)                                                         \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)
