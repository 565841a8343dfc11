// An Interrupt turns SIGINT, while it lives, from the end of the program into something a loop can wait for.
// One at a time.
#pragma once

#include <semaphore.h>
#include <signal.h>

namespace atelier::app {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();  // what SIGINT did before, it does again
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  void wait();          // until wake() or SIGINT; one return for each, none is lost
  void wake();          // any thread
  bool raised() const;  // was there a SIGINT?

 private:
  sem_t wakes_;
  struct sigaction before_;
};

}  // namespace atelier::app
