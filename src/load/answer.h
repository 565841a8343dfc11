// An Answer is what became of one request of a load run, as its client saw it. The AnswerReader makes it from
// the bytes that come, stamping each piece of text with the time it came.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/transfers.h"
#include "load/event_lines.h"

namespace atelier::load {

struct Answer {
  bool success = false;
  std::string error;              // of a failed one
  std::string text;               // all of it, where it was to be kept
  double start_s = 0;             // since the run's begin
  double ttft_s = 0;              // from the start to the first piece of text
  double latency_s = 0;           // from the start to the last piece
  std::vector<double> itl_s;      // between pieces
  std::int64_t input_tokens = 0;  // as the server counted, else as asked
  std::int64_t output_tokens = 0;
  bool counted_by_server = false;  // else output_tokens is the number of pieces
};

// Reads one answer, streamed (chat, completion; OpenAI's chunks) or whole.
class AnswerReader {
 public:
  struct Terms {
    client::Clock::time_point run_begin;
    std::int64_t input_tokens = 0;
    bool keep_text = false;
  };
  explicit AnswerReader(const Terms& terms);

  void feed(int status, std::string_view bytes, client::Clock::time_point now);
  Answer end(const client::Outcome& outcome, client::Clock::time_point now);

 private:
  void read_event(std::string_view data, client::Clock::time_point now);
  void read_chunk(std::string_view json, client::Clock::time_point now);
  void note_piece(std::string_view text, client::Clock::time_point now);

  const Terms terms_;
  const client::Clock::time_point start_ = client::Clock::now();
  EventLines lines_;
  Answer answer_;
  std::string refusal_;  // the body of an answer that is not 200
  client::Clock::time_point last_;
  std::int64_t pieces_ = 0;
  bool finished_ = false;  // a finish_reason or [DONE] has come
};

}  // namespace atelier::load
