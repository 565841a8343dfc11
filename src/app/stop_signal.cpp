#include "app/stop_signal.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "base/check.h"

namespace atelier::app {
namespace {

std::atomic<sem_t*> g_came{nullptr};  // of the one that lives
std::atomic<int> g_count{0};

// Async-signal-safe calls only.
void on_signal(int number) {
  const int before = errno;
  if (g_count.fetch_add(1) > 0) ::_exit(128 + number);
  if (sem_t* came = g_came.load()) ::sem_post(came);
  errno = before;
}

}  // namespace

StopSignal::StopSignal() {
  ATELIER_CHECK(::sem_init(&came_, 0, 0) == 0);
  g_count = 0;
  ATELIER_CHECK(g_came.exchange(&came_) == nullptr);
  struct sigaction action{};
  action.sa_handler = on_signal;
  ::sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGTERM, &action, &term_before_);
  ::sigaction(SIGINT, &action, &int_before_);
}

StopSignal::~StopSignal() {
  ::sigaction(SIGTERM, &term_before_, nullptr);
  ::sigaction(SIGINT, &int_before_, nullptr);
  g_came = nullptr;
  ::sem_destroy(&came_);
}

void StopSignal::wait() {
  while (::sem_wait(&came_) != 0 && errno == EINTR) {
  }
}

}  // namespace atelier::app
