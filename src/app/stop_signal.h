// A StopSignal turns the first SIGTERM or SIGINT, while it lives, into something to wait for; the second ends
// the program at once. One at a time.
#pragma once

#include <semaphore.h>
#include <signal.h>

namespace atelier::app {

class StopSignal {
 public:
  StopSignal();
  ~StopSignal();  // the signals do again what they did before
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  void wait();  // until the first of them

 private:
  sem_t came_;
  struct sigaction term_before_, int_before_;
};

}  // namespace atelier::app
