#include "server/session.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <utility>

namespace atelier::server {
namespace {

using Time = engine::GenerationFacts::Time;

double milliseconds(Time from, Time to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

api::Timings timings_of(const engine::GenerationFacts& facts, std::int64_t tokens) {
  api::Timings timings;
  const bool admitted = facts.admitted != Time{}, begun = facts.first_token != Time{};
  if (admitted) timings.queue_time_ms = milliseconds(facts.arrived, facts.admitted);
  if (!admitted || !begun) return timings;
  timings.time_to_first_token_ms = milliseconds(facts.admitted, facts.first_token);
  const double generating = milliseconds(facts.first_token, facts.last_token);
  timings.generation_time_ms = generating;
  if (tokens > 1) timings.mean_itl_ms = generating / static_cast<double>(tokens - 1);
  const double working = milliseconds(facts.admitted, facts.last_token);
  if (working > 0) timings.tokens_per_second = static_cast<double>(tokens) / working * 1000;
  return timings;
}

}  // namespace

// The engine's bell: rings on the engine's thread, is heard on the connection's, once for many rings.
class Session::Waker : public std::enable_shared_from_this<Waker> {
 public:
  explicit Waker(const std::shared_ptr<Session>& session)
      : writer_(session->call_->shared_writer()), session_(session) {}

  void ring() {
    if (rung_.exchange(true)) return;
    writer_->post([self = shared_from_this()] {
      self->rung_ = false;
      if (const auto session = self->session_.lock()) session->pump();
    });
  }

 private:
  const std::shared_ptr<http::ResponseWriter> writer_;
  const std::weak_ptr<Session> session_;
  std::atomic<bool> rung_{false};
};

Session::Session(std::shared_ptr<Call> call, std::unique_ptr<api::ReplyFormat> format, SessionTerms terms,
                 Presence presence)
    : call_(std::move(call)), format_(std::move(format)), terms_(terms), presence_(std::move(presence)) {}

Session::~Session() {
  if (begun_) leave("cancelled");
}

void Session::add(std::unique_ptr<Choice> choice) {
  lines_.push_back({.choice = std::move(choice), .text = {}, .logprobs = {}, .ids = {}});
}

void Session::watch(std::unique_ptr<observe::RequestTrace> trace, bool timings) {
  if (trace_ == nullptr) trace_ = std::move(trace);
  timings_ = timings;
}

void Session::start() {
  call_->writer().post([self = shared_from_this()] { self->begin(); });
}

void Session::interrupt() {
  call_->writer().post([self = shared_from_this()] {
    for (Line& line : self->lines_) line.choice->cancel();
  });
}

void Session::begin() {
  http::ResponseWriter& writer = call_->writer();
  writer.on_closed([self = shared_from_this()] { self->leave("cancelled"); });
  if (terms_.stream) {
    writer.on_drained([self = shared_from_this()] { self->pump(); });
    call_->begin_stream(format_->stream_type());
    send(format_->open(usage()));
    for (int i = 0; i < static_cast<int>(lines_.size()); ++i) {
      if (format_->opens_with_role()) send_piece(i);
    }
  }
  begun_ = true;
  const auto waker = std::make_shared<Waker>(shared_from_this());
  for (Line& line : lines_) line.choice->on_update([waker] { waker->ring(); });
  pump();
}

void Session::pump() {
  const auto self = shared_from_this();  // whatever is let go on the way
  if (over_ || !begun_) return;
  for (int i = 0; i < static_cast<int>(lines_.size()); ++i) {
    if (!pump_line(i)) return;
  }
  const bool all = std::ranges::all_of(lines_, [](const Line& line) { return line.choice->ended(); });
  if (all) finish();
}

bool Session::pump_line(int index) {
  Line& line = lines_[static_cast<std::size_t>(index)];
  if (line.choice->ended()) return true;
  if (terms_.stream && call_->writer().full()) return false;  // on_drained comes back
  auto news = line.choice->take();
  if (!news) {
    fail(news.error());
    return false;
  }
  line.text += news->text;
  std::ranges::move(news->logprobs, std::back_inserter(line.logprobs));
  std::ranges::move(news->ids, std::back_inserter(line.ids));
  if (terms_.stream && (!line.text.empty() || news->ended)) send_piece(index);
  return true;
}

void Session::send_piece(int index) {
  Line& line = lines_[static_cast<std::size_t>(index)];
  const api::Usage now = usage_of(line);
  api::Piece piece = piece_of(line, index);
  piece.first = !begun_;
  piece.usage = terms_.continuous_usage ? &now : nullptr;
  if (std::exchange(line.prompt_told, true)) piece.prompt_ids = {};
  send(format_->chunk(piece));
  line.characters += static_cast<std::size_t>(std::ranges::count_if(
      line.text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }));
  line.text.clear();
  line.logprobs.clear();
  line.ids.clear();
}

api::Piece Session::piece_of(const Line& line, int index) const {
  api::Piece piece;
  piece.index = index;
  piece.text = line.text;
  piece.has_logprobs = terms_.logprobs;
  piece.logprobs = line.logprobs;
  piece.text_offset = line.characters;
  piece.finish = line.choice->finish();
  piece.has_token_ids = terms_.token_ids;
  piece.token_ids = line.ids;
  if (terms_.token_ids) piece.prompt_ids = line.choice->prompt();
  if (terms_.prompt_logprobs) piece.prompt_logprobs = &line.choice->prompt_logprobs();
  return piece;
}

void Session::send(std::string_view bytes) {
  if (!bytes.empty()) call_->writer().send(bytes);
}

void Session::finish() {
  const std::string reason(lines_.front().choice->finish().reason);
  terms_.stream ? finish_stream() : finish_whole();
  leave(reason);
}

void Session::finish_stream() {
  send(format_->close(final_usage(), terms_.include_usage));
  call_->end_stream();
}

void Session::finish_whole() {
  std::vector<api::Piece> choices;
  for (const Line* line : told_lines()) choices.push_back(piece_of(*line, static_cast<int>(choices.size())));
  call_->respond_json(200, format_->whole(choices, final_usage()));
}

// Of every prompt's answers the likeliest, best first; all of them, in order, where none is left out.
std::vector<const Session::Line*> Session::told_lines() const {
  std::vector<const Line*> told;
  const auto best_of = static_cast<std::size_t>(terms_.best_of);
  for (std::size_t first = 0; first < lines_.size(); first += best_of) {
    std::vector<const Line*> group;
    for (std::size_t i = first; i < first + best_of; ++i) group.push_back(&lines_[i]);
    const auto likelihood = [](const Line* line) { return line->choice->mean_logprob(); };
    if (terms_.by_likelihood) std::ranges::stable_sort(group, std::ranges::greater{}, likelihood);
    told.insert(told.end(), group.begin(), group.begin() + terms_.n);
  }
  return told;
}

void Session::fail(const Failure& failure) {
  if (terms_.stream) {
    send(format_->failure(failure));
    call_->end_stream();
  } else {
    call_->fail(failure);
  }
  leave("error");
}

void Session::leave(std::string_view finish) {
  if (std::exchange(over_, true)) return;
  const api::Usage used = usage();
  call_->note_tokens(used.prompt_tokens, used.completion_tokens);
  call_->note_finish(finish);
  if (trace_ != nullptr) {
    const observe::GenerationWatch* watch = lines_.empty() ? nullptr : lines_.front().choice->watch();
    trace_->end({.prompt_tokens = used.prompt_tokens,
                 .completion_tokens = used.completion_tokens,
                 .finish = finish,
                 .facts = watch != nullptr ? watch->facts() : engine::GenerationFacts{}});
  }
  lines_.clear();  // cancels what still runs
  presence_.reset();
}

// A prompt counts once, however many answers it has: what of it was cached is what its first answer found.
api::Usage Session::usage() const {
  api::Usage total{.prompt_tokens = terms_.prompt_tokens, .completion_tokens = 0, .cached_tokens = 0};
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const Choice& choice = *lines_[i].choice;
    total.completion_tokens += choice.tokens();
    if (i % static_cast<std::size_t>(terms_.best_of) != 0) continue;
    const auto cached = choice.cached_tokens();
    total.cached_tokens =
        cached && total.cached_tokens ? std::optional(*total.cached_tokens + *cached) : std::nullopt;
  }
  return total;
}

// vLLM tells them of requests with one answer only.
api::Usage Session::final_usage() const {
  api::Usage total = usage();
  if (!timings_ || lines_.size() != 1) return total;
  const observe::GenerationWatch* watch = lines_.front().choice->watch();
  if (watch != nullptr) total.timings = timings_of(watch->facts(), watch->tokens());
  return total;
}

api::Usage Session::usage_of(const Line& line) const {
  return {.prompt_tokens = terms_.prompt_tokens, .completion_tokens = line.choice->tokens()};
}

}  // namespace atelier::server
