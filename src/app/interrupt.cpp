#include "app/interrupt.h"

#include <atomic>
#include <cerrno>

#include "base/check.h"

namespace atelier::app {
namespace {

std::atomic<bool> signalled = false;
std::atomic<sem_t*> waiting = nullptr;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<sem_t*>::is_always_lock_free);

// sem_post is among the few calls a signal handler may make.
void on_signal(int) {
  const int error = errno;
  signalled = true;
  if (sem_t* semaphore = waiting) sem_post(semaphore);
  errno = error;
}

}  // namespace

Interrupt::Interrupt() {
  ATELIER_CHECK(waiting == nullptr);
  ATELIER_CHECK(sem_init(&wakes_, 0, 0) == 0);
  signalled = false;
  waiting = &wakes_;
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ATELIER_CHECK(sigaction(SIGINT, &action, &before_) == 0);
}

Interrupt::~Interrupt() {
  sigaction(SIGINT, &before_, nullptr);
  waiting = nullptr;
  sem_destroy(&wakes_);
}

void Interrupt::wait() {
  while (sem_wait(&wakes_) != 0 && errno == EINTR) {
  }
}

void Interrupt::wake() {
  sem_post(&wakes_);
}

bool Interrupt::raised() const {
  return signalled;
}

}  // namespace atelier::app
