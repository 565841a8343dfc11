// A Connection is one client's socket: it reads requests one after the other, hands each to the handler,
// writes what the Outbox holds, watches meanwhile for the client's going, and ends with the socket. All of it
// runs on the connection's own strand.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "http/outbox.h"
#include "http/register.h"
#include "http/server.h"

namespace atelier::http {

namespace asio = boost::asio;
using Strand = asio::strand<asio::io_context::executor_type>;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Strand>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Strand>;

// What all connections of a server share; outlives every one of them.
struct House {
  asio::io_context io;
  Options options;
  Handler handler;
  Register connections;
  std::atomic<std::size_t> body_bytes{0};  // of requests being read
  std::atomic<bool> closing{false};        // answers close their connection from now on
  std::atomic<bool> stopped{false};        // no thread runs io any more
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<House> house, Socket socket, std::uint64_t id, std::string remote);
  ~Connection();

  // Any thread.
  void start();
  void retire();  // closes if it is between requests
  void abort();   // closes in any case
  void wake();    // the outbox has something
  Strand strand() const { return strand_; }
  House& house() const { return *house_; }

 private:
  enum class Phase { kIdle, kHeader, kBody, kHandling, kLinger, kClosed };
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Error = boost::system::error_code;

  void next_request();
  void read_header();
  void on_header(Error error);
  std::optional<std::pair<int, std::string>> objection();
  void send_continue();
  void read_body();
  void on_body(Error error, std::size_t bytes);
  bool hold_body(std::size_t bytes);
  void let_body_go();
  void dispatch();
  Request take_request();

  void watch();
  void on_watched(Error error, std::size_t bytes);

  void refuse(int status, std::string_view message);
  void refuse_parse(Error error);
  void write_more();
  void write_piece();
  void piece_left();
  void on_written(Error error);
  void finish_answer(bool cut);
  void linger();
  void drain_input();
  void close();
  void read_ended();

  void arm(Timer& timer, std::chrono::milliseconds after, void (Connection::*expired)());
  void on_read_deadline();
  void on_write_deadline();

  std::shared_ptr<House> house_;
  Strand strand_;
  Socket socket_;
  Timer read_timer_, write_timer_;
  const std::uint64_t id_;
  const std::string remote_;

  Phase phase_ = Phase::kIdle;
  boost::beast::flat_buffer buffer_;  // read, not yet parsed
  std::optional<Parser> parser_;
  std::shared_ptr<Outbox> outbox_;  // of the request being answered
  std::string piece_;               // on its way out
  std::size_t window_bytes_ = 0;    // of the body, since the read timer was armed
  std::size_t body_bytes_ = 0;      // of the body so far, counted in the house
  std::size_t lingered_bytes_ = 0;
  bool reading_ = false;   // a request is being read into buffer_
  bool watching_ = false;  // a bare read into buffer_ is under way
  bool writing_ = false;
  bool first_ = true;        // no header has been begun
  bool late_ = false;        // what it sent did not come in time
  bool input_over_ = false;  // the client has closed its sending end
};

}  // namespace atelier::http
