#include "http/connection.h"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <utility>

#include "base/log.h"

namespace atelier::http {

namespace beast = boost::beast;

namespace {

constexpr std::size_t kPieceBytes = 64u << 10;
constexpr std::size_t kWatchBytes = 1u << 20;    // of pipelined requests read ahead
constexpr std::size_t kLingerBytes = 64u << 20;  // of a refused body thrown away
constexpr std::chrono::milliseconds kLingerDeadline{5'000},
    kBriefLinger{200};  // brief: for the late and at the end

// The handler's end of one exchange.
class Exchange final : public ResponseWriter {
 public:
  Exchange(std::shared_ptr<Connection> connection, std::shared_ptr<Outbox> outbox)
      : connection_(std::move(connection)), outbox_(std::move(outbox)) {}
  ~Exchange() override {
    if (outbox_->finished()) return;
    if (outbox_->abandon(connection_->house().options.refuse(500, "the request was dropped"))) wake();
  }

  void respond(Response response) override {
    if (outbox_->respond(response)) wake();
  }
  void begin_stream(Response head) override {
    if (outbox_->begin_stream(head)) wake();
  }
  bool send(std::string_view bytes) override {
    if (outbox_->send(bytes)) wake();
    return !outbox_->closed();
  }
  void end_stream() override {
    if (outbox_->end_stream()) wake();
  }
  bool full() const override { return outbox_->full(); }
  bool closed() const override { return outbox_->closed(); }
  void on_closed(std::function<void()> call) override {
    if (outbox_->on_closed(call)) return;
    if (connection_->house().stopped) return call();
    asio::post(connection_->strand(), std::move(call));
  }
  void on_drained(std::function<void()> call) override { outbox_->on_drained(std::move(call)); }
  void post(std::function<void()> task) override {
    if (outbox_->finished()) return;
    asio::post(connection_->strand(), [outbox = outbox_, task = std::move(task)] {
      if (!outbox->finished()) task();
    });
  }

 private:
  void wake() { connection_->wake(); }

  std::shared_ptr<Connection> connection_;
  std::shared_ptr<Outbox> outbox_;
};

}  // namespace

Connection::Connection(std::shared_ptr<House> house, Socket socket, std::uint64_t id, std::string remote)
    : house_(std::move(house)),
      strand_(socket.get_executor()),
      socket_(std::move(socket)),
      read_timer_(strand_),
      write_timer_(strand_),
      id_(id),
      remote_(std::move(remote)) {}

Connection::~Connection() {
  let_body_go();
  house_->connections.leave(id_, remote_);
}

void Connection::start() {
  asio::dispatch(strand_, [self = shared_from_this()] { self->next_request(); });
}

void Connection::retire() {
  asio::dispatch(strand_, [self = shared_from_this()] {
    if (self->phase_ == Phase::kIdle || self->phase_ == Phase::kHeader) self->close();
  });
}

void Connection::abort() {
  asio::dispatch(strand_, [self = shared_from_this()] { self->close(); });
}

// Posted, not dispatched: what a sender says in one go leaves in one write, and never inside its own call.
void Connection::wake() {
  asio::post(strand_, [self = shared_from_this()] { self->write_more(); });
}

// ---- reading

void Connection::next_request() {
  if (phase_ == Phase::kClosed) return;
  outbox_.reset();
  phase_ = Phase::kIdle;
  if (house_->closing) return close();
  const auto patience = first_ ? house_->options.read_deadline : house_->options.keep_alive_deadline;
  if (buffer_.size() > 0 && watching_) {
    Error ignored;
    socket_.cancel(ignored);  // on_watched goes on
    return;
  }
  if (buffer_.size() > 0) return read_header();
  if (!watching_) buffer_.shrink_to_fit();
  arm(read_timer_, patience, &Connection::on_read_deadline);
  watch();
}

void Connection::read_header() {
  phase_ = Phase::kHeader;
  reading_ = true;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(house_->options.max_header_bytes));
  parser_->body_limit(house_->options.max_body_bytes);
  // the first header's deadline runs since the connection began: opening many and saying nothing gains
  // nothing
  if (!std::exchange(first_, false))
    arm(read_timer_, house_->options.read_deadline, &Connection::on_read_deadline);
  beast::http::async_read_header(
      socket_, buffer_, *parser_,
      [self = shared_from_this()](Error error, std::size_t) { self->on_header(error); });
}

void Connection::on_header(Error error) {
  reading_ = false;
  if (phase_ != Phase::kHeader) return read_ended();
  if (error) return refuse_parse(error);
  if (const auto problem = objection()) return refuse(problem->first, problem->second);
  phase_ = Phase::kBody;
  window_bytes_ = 0;
  arm(read_timer_, house_->options.read_deadline, &Connection::on_read_deadline);
  const auto expect = parser_->get().find(beast::http::field::expect);
  if (expect != parser_->get().end() && !parser_->is_done()) return send_continue();
  read_body();
}

// What the header alone already forbids.
std::optional<std::pair<int, std::string>> Connection::objection() {
  const auto& message = parser_->get();
  const Options& options = house_->options;
  if (message.target().size() > options.max_target_bytes) {
    return std::pair(414, fmt::format("the URL has {} bytes; the limit is {}", message.target().size(),
                                      options.max_target_bytes));
  }
  if (message.version() != 10 && message.version() != 11)
    return std::pair(505, std::string("HTTP/1.1 is spoken here"));
  if (message.version() == 11 && message.count(beast::http::field::host) != 1) {
    return std::pair(400, std::string("exactly one Host header is required"));
  }
  if (message.count(beast::http::field::transfer_encoding) > 0 && !message.chunked()) {
    return std::pair(501, std::string("the only transfer encoding understood is chunked"));
  }
  const auto expect = message.find(beast::http::field::expect);
  if (expect != message.end() && !equal_ignoring_case(expect->value(), "100-continue")) {
    return std::pair(417, std::string("the only expectation understood is 100-continue"));
  }
  return std::nullopt;
}

void Connection::send_continue() {
  piece_ = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(socket_, asio::buffer(piece_), [self = shared_from_this()](Error error, std::size_t) {
    if (self->phase_ != Phase::kBody) return;
    if (error) return self->close();
    self->read_body();
  });
}

void Connection::read_body() {
  if (parser_->is_done()) return dispatch();
  reading_ = true;
  beast::http::async_read_some(
      socket_, buffer_, *parser_,
      [self = shared_from_this()](Error error, std::size_t bytes) { self->on_body(error, bytes); });
}

void Connection::on_body(Error error, std::size_t bytes) {
  reading_ = false;
  if (phase_ != Phase::kBody) return read_ended();
  if (error) return refuse_parse(error);
  if (!hold_body(bytes)) {
    parser_.reset();
    let_body_go();
    return refuse(503, fmt::format("more than {} bytes of requests are being read; try again later",
                                   house_->options.max_bodies_bytes));
  }
  window_bytes_ += bytes;
  if (window_bytes_ >= house_->options.min_body_bytes) {
    window_bytes_ = 0;
    arm(read_timer_, house_->options.read_deadline, &Connection::on_read_deadline);
  }
  read_body();
}

// Counts what is read of bodies; false: all of them together hold too much, and this one is not small.
bool Connection::hold_body(std::size_t bytes) {
  const Options& options = house_->options;
  body_bytes_ += bytes;
  const std::size_t all = house_->body_bytes += bytes;
  return all <= options.max_bodies_bytes || body_bytes_ <= options.min_body_bytes;
}

void Connection::let_body_go() {
  house_->body_bytes -= std::exchange(body_bytes_, 0);
}

void Connection::dispatch() {
  read_timer_.cancel();
  let_body_go();
  phase_ = Phase::kHandling;
  const auto& message = parser_->get();
  outbox_ = std::make_shared<Outbox>(Outbox::Terms{.limit_bytes = house_->options.stream_buffer_bytes,
                                                   .head_only = message.method() == beast::http::verb::head,
                                                   .chunks = message.version() == 11,
                                                   .keep_alive = parser_->keep_alive() && !house_->closing});
  auto target = parse_target(message.target());
  if (!target) return refuse(400, target.error().message);
  Request request = take_request();
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  parser_.reset();
  watch();
  auto writer = std::make_shared<Exchange>(shared_from_this(), outbox_);
  try {
    house_->handler(std::move(request), writer);
  } catch (const std::exception& problem) {
    log_error("a request's handler failed: {}", problem.what());
    writer->respond(house_->options.refuse(500, "an internal error; it has been logged"));
  }
}

Request Connection::take_request() {
  auto message = parser_->release();
  Request request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.remote = remote_;
  for (const auto& field : message) {
    request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  }
  request.body = std::move(message.body());
  return request;
}

// One read is always under way while nothing else is read: it sees the next request's first bytes and the
// client's going.
void Connection::watch() {
  if (watching_ || buffer_.size() >= kWatchBytes) return;
  watching_ = true;
  socket_.async_read_some(buffer_.prepare(4096), [self = shared_from_this()](Error error, std::size_t bytes) {
    self->on_watched(error, bytes);
  });
}

void Connection::on_watched(Error error, std::size_t bytes) {
  watching_ = false;
  if (phase_ == Phase::kClosed) return;
  if (phase_ == Phase::kLinger) return error ? close() : drain_input();
  if (error == asio::error::operation_aborted && phase_ == Phase::kIdle) return read_header();
  if (error && phase_ == Phase::kHandling && outbox_->finished()) {
    input_over_ = true;  // the answer is on its way: the client may have closed its own end only
    return;
  }
  if (error) return close();
  buffer_.commit(bytes);
  if (phase_ == Phase::kIdle) return read_header();
  watch();
}

// ---- refusing what never became a request

void Connection::refuse_parse(Error error) {
  using Problem = beast::http::error;
  const Options& options = house_->options;
  const bool malformed = error.category() == beast::http::make_error_code(Problem::bad_value).category();
  if (!malformed || error == Problem::end_of_stream || error == Problem::partial_message) return close();
  if (error == Problem::body_limit) {
    return refuse(413, fmt::format("the body is larger than the limit of {} bytes", options.max_body_bytes));
  }
  if (error == Problem::header_limit || error == Problem::buffer_overflow) {
    if (parser_->get().target().empty()) {  // not even the first line ended
      return refuse(414,
                    fmt::format("the URL is longer than the limit of {} bytes", options.max_target_bytes));
    }
    return refuse(431,
                  fmt::format("the header is larger than the limit of {} bytes", options.max_header_bytes));
  }
  refuse(400, fmt::format("not HTTP: {}", error.message()));
}

void Connection::refuse(int status, std::string_view message) {
  read_timer_.cancel();
  phase_ = Phase::kHandling;
  outbox_ = std::make_shared<Outbox>(Outbox::Terms{.keep_alive = false});
  outbox_->respond(house_->options.refuse(status, message));
  write_more();
}

// ---- writing

void Connection::write_more() {
  while (!writing_ && outbox_ && phase_ == Phase::kHandling) {
    Outbox::Piece piece = outbox_->take(kPieceBytes);
    if (piece.bytes.empty()) {
      if (piece.last) finish_answer(piece.cut);
      return;
    }
    piece_ = std::move(piece.bytes);
    write_piece();
  }
}

// Most pieces are one token's event and fit the socket's buffer at once: they need no timer and no wait.
void Connection::write_piece() {
  writing_ = true;
  Error error;
  std::size_t sent = socket_.write_some(asio::buffer(piece_), error);
  if (error == asio::error::would_block) {
    sent = 0;
    error = {};
  }
  if (error) return close();
  if (sent == piece_.size()) return piece_left();
  arm(write_timer_, house_->options.write_deadline, &Connection::on_write_deadline);
  asio::async_write(socket_, asio::buffer(piece_) + sent,
                    [self = shared_from_this()](Error error, std::size_t) { self->on_written(error); });
}

void Connection::on_written(Error error) {
  write_timer_.cancel();
  if (phase_ == Phase::kClosed) return;
  if (error) return close();
  piece_left();
  write_more();
}

// The sender, told that there is room, may send at once: writing_ keeps that from a write within a write.
void Connection::piece_left() {
  if (const auto drained = outbox_->written()) drained();
  writing_ = false;
}

void Connection::finish_answer(bool cut) {
  if (cut || input_over_) return close();
  if (outbox_->keep_alive() && !house_->closing) return next_request();
  linger();
}

// Sends our end, then throws away what still comes, so that the answer is not lost to a reset.
void Connection::linger() {
  phase_ = Phase::kLinger;
  outbox_.reset();
  Error ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  arm(read_timer_, late_ || house_->closing ? kBriefLinger : kLingerDeadline, &Connection::on_read_deadline);
  if (!watching_ && !reading_) drain_input();
}

// The read of a request that was refused meanwhile has let go of the buffer.
void Connection::read_ended() {
  if (phase_ == Phase::kLinger) drain_input();
}

void Connection::drain_input() {
  watching_ = true;
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(kPieceBytes),
                          [self = shared_from_this()](Error error, std::size_t bytes) {
                            self->lingered_bytes_ += bytes;
                            if (self->lingered_bytes_ > kLingerBytes) return self->close();
                            self->on_watched(error, bytes);
                          });
}

void Connection::close() {
  if (std::exchange(phase_, Phase::kClosed) == Phase::kClosed) return;
  read_timer_.cancel();
  write_timer_.cancel();
  Error ignored;
  socket_.close(ignored);
  if (const auto outbox = std::exchange(outbox_, nullptr)) {
    if (const auto gone = outbox->close()) gone();
  }
}

// ---- deadlines

void Connection::arm(Timer& timer, std::chrono::milliseconds after, void (Connection::*expired)()) {
  timer.expires_after(after);
  timer.async_wait([self = shared_from_this(), &timer, expired](Error error) {
    // a timer armed anew while this call was already queued has its expiry in the future
    if (!error && timer.expiry() <= std::chrono::steady_clock::now()) (self.get()->*expired)();
  });
}

void Connection::on_read_deadline() {
  switch (phase_) {
    case Phase::kIdle:
    case Phase::kLinger:
      return close();
    case Phase::kHeader:
    case Phase::kBody: {
      Error ignored;
      socket_.cancel(ignored);
      late_ = true;
      return refuse(408, "the request did not arrive in time");
    }
    case Phase::kHandling:
    case Phase::kClosed:
      return;
  }
}

// Reset, not closed: what the kernel still holds for a client that reads nothing would stay there for
// minutes.
void Connection::on_write_deadline() {
  if (!writing_) return;
  Error ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  close();
}

}  // namespace atelier::http
