// A Session carries one generation request from the engine's tokens to the client's bytes. It lives on its
// connection's thread, woken by the engine; it ends with the answer, or when the client goes, which cancels
// what still runs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/reply.h"
#include "observe/request_trace.h"
#include "server/call.h"
#include "server/choice.h"

namespace atelier::server {

// Destroying it says that a request has left the server; counted by the Service.
using Presence = std::shared_ptr<void>;

struct SessionTerms {
  bool stream = false, include_usage = false, continuous_usage = false;
  bool logprobs = false, prompt_logprobs = false, token_ids = false;  // asked for
  std::int64_t prompt_tokens = 0;
  // Of every best_of choices n are told: the first, or the likeliest (which cannot be streamed).
  int n = 1, best_of = 1;
  bool by_likelihood = false;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Call> call, std::unique_ptr<api::ReplyFormat> format, SessionTerms terms,
          Presence presence);
  ~Session();

  // Before start: who looks on. `timings`: the reply tells how long it took.
  void watch(std::unique_ptr<observe::RequestTrace> trace, bool timings);

  // Before start, in the order of their indices; best_of for each prompt.
  void add(std::unique_ptr<Choice> choice);

  const Call& call() const { return *call_; }

  void start();      // any thread; everything below happens on the connection's
  void interrupt();  // any thread: ends what runs, with its true reason

 private:
  class Waker;
  struct Line {
    std::unique_ptr<Choice> choice;
    std::string text;  // so far: to be sent, or the whole answer's
    std::vector<api::TokenLogprobs> logprobs;
    std::vector<std::int32_t> ids;
    bool prompt_told = false;    // its ids
    std::size_t characters = 0;  // sent already
  };

  void begin();
  void pump();
  bool pump_line(int index);  // false: no more now (the client is slow, or all is over)
  void send_piece(int index);
  void send(std::string_view bytes);
  api::Piece piece_of(const Line& line, int index) const;
  std::vector<const Line*> told_lines() const;  // of a whole reply
  void finish();
  void finish_stream();
  void finish_whole();
  void fail(const Failure& failure);
  void leave(std::string_view finish);  // the last thing that happens
  api::Usage usage() const;
  api::Usage final_usage() const;  // with timings where they were asked for
  api::Usage usage_of(const Line& line) const;

  std::shared_ptr<Call> call_;
  std::unique_ptr<api::ReplyFormat> format_;
  const SessionTerms terms_;
  Presence presence_;
  std::vector<Line> lines_;
  std::unique_ptr<observe::RequestTrace> trace_;  // null = not traced
  bool timings_ = false;
  bool begun_ = false, over_ = false;
};

}  // namespace atelier::server
