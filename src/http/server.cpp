#include "http/server.h"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "http/connection.h"

namespace atelier::http {
namespace {

using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Strand>;
using Error = boost::system::error_code;

constexpr std::chrono::milliseconds kAcceptPause{100};  // when file descriptors have run out

std::string peer_address(const Socket& socket) {
  Error error;
  const auto peer = socket.remote_endpoint(error);
  return error ? std::string("?") : peer.address().to_string();
}

bool is_loopback(const Socket& socket) {
  Error error;
  const auto peer = socket.remote_endpoint(error);
  return !error && peer.address().is_loopback();
}

}  // namespace

// The Listener takes connections in and owns the threads they run on.
class Server::Listener : public std::enable_shared_from_this<Listener> {
 public:
  explicit Listener(Options options) {
    house_->options = std::move(options);
    if (!house_->options.refuse) {
      house_->options.refuse = [](int status, std::string_view message) {
        return Response{status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::string(message)};
      };
    }
  }

  Status bind() {
    const Options& options = house_->options;
    Error error;
    asio::ip::tcp::resolver resolver(house_->io);
    const auto found =
        resolver.resolve(options.host, std::to_string(options.port), asio::ip::tcp::resolver::passive, error);
    if (error || found.empty()) {
      return fail(Fault::kIo, "cannot listen on {}: {}", options.host, error.message());
    }
    const asio::ip::tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) port_ = acceptor_.local_endpoint(error).port();
    return error ? refuse(error) : Status();
  }

  Status start(Handler handler) {
    house_->handler = std::move(handler);
    Error error;
    acceptor_.listen(1024, error);
    if (error) return refuse(error);
    work_.emplace(house_->io.get_executor());
    asio::post(strand_, [this] { accept(); });
    for (int i = 0; i < house_->options.threads; ++i) threads_.emplace_back([this] { run(); });
    return {};
  }

  void stop(std::chrono::milliseconds grace) {
    if (std::exchange(stopped_, true)) return;
    house_->closing = true;
    asio::post(strand_, [this] {
      Error ignored;
      acceptor_.close(ignored);
      pause_.cancel();
    });
    for (const auto& connection : house_->connections.all()) connection->retire();
    const auto deadline = std::chrono::steady_clock::now() + grace;
    while (house_->connections.size() > 0 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    for (const auto& connection : house_->connections.all()) connection->abort();
    work_.reset();  // the threads return when the last connection has let go
    for (std::thread& thread : threads_) thread.join();
    house_->stopped = true;
  }

  std::uint16_t port() const { return port_; }
  std::size_t connections() const { return house_->connections.size(); }

 private:
  Status refuse(Error error) const {
    return fail(Fault::kIo, "cannot listen on {}:{}: {}; --port 0 takes any free port", house_->options.host,
                house_->options.port, error.message());
  }

  void run() {
    pthread_setname_np(pthread_self(), "http");
    while (true) {
      try {
        house_->io.run();
        return;
      } catch (const std::exception& problem) {
        log_error("a connection failed: {}", problem.what());
      }
    }
  }

  void accept() {
    acceptor_.async_accept(asio::make_strand(house_->io), [this](Error error, Socket socket) {
      if (!acceptor_.is_open()) return;
      if (!error) {
        admit(std::move(socket));
        return accept();
      }
      pause_.expires_after(kAcceptPause);
      pause_.async_wait([this](Error) {
        if (acceptor_.is_open()) accept();
      });
    });
  }

  void admit(Socket socket) {
    const Options& options = house_->options;
    const std::string address = peer_address(socket);
    const int most = is_loopback(socket) ? options.max_connections : options.max_connections_per_address;
    const auto id = house_->connections.enter(address, most, options.max_connections);
    if (!id) return;  // the socket closes
    Error ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::send_buffer_size(128 << 10), ignored);
    socket.non_blocking(true, ignored);  // Connection::write_piece never waits
    auto connection = std::make_shared<Connection>(house_, std::move(socket), *id, address);
    house_->connections.attach(*id, connection);
    connection->start();
  }

  std::shared_ptr<House> house_ = std::make_shared<House>();
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  Strand strand_ = asio::make_strand(house_->io);
  Acceptor acceptor_{strand_};  // on strand_
  Timer pause_{strand_};        // on strand_
  std::vector<std::thread> threads_;
  std::uint16_t port_ = 0;
  bool stopped_ = false;  // stop()'s caller only
};

Result<std::unique_ptr<Server>> Server::bind(Options options) {
  auto listener = std::make_shared<Listener>(std::move(options));
  ATELIER_TRY_STATUS(listener->bind());
  return std::unique_ptr<Server>(new Server(std::move(listener)));
}

Server::Server(std::shared_ptr<Listener> listener) : listener_(std::move(listener)) {}

Server::~Server() {
  stop(std::chrono::milliseconds(0));
}

Status Server::start(Handler handler) {
  return listener_->start(std::move(handler));
}

std::uint16_t Server::port() const {
  return listener_->port();
}

std::size_t Server::connections() const {
  return listener_->connections();
}

void Server::stop(std::chrono::milliseconds grace) {
  listener_->stop(grace);
}

}  // namespace atelier::http
