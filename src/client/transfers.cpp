#include "client/transfers.h"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"

namespace atelier::client {
namespace {

constexpr long kConnectTimeoutMs = 30'000;
constexpr std::size_t kMaxReplyBytes = 64u << 20;

// CURL and CURLM are both void: a type of deleter for each.
struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;

}  // namespace

class Transfers::Engine {
 public:
  Engine(Endpoint endpoint, int connections);
  ~Engine();

  void start(const std::string& path, std::string_view body, OnBytes on_bytes, OnEnd on_end);
  void step(Clock::time_point deadline);
  void drop_all();
  std::size_t active() const { return active_.size(); }
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  struct Exchange {
    Easy easy;
    OnBytes on_bytes;
    OnEnd on_end;
    std::string thrown;  // what a callback threw: nothing may pass through curl's C code
  };

  static int on_socket(CURL*, curl_socket_t socket, int what, void* context, void* known);
  static int on_timer(CURLM*, long wait_ms, void* context);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* context);

  void set_up(CURL* easy, const std::string& path, std::string_view body);
  int wait_ms(Clock::time_point deadline) const;
  void act(curl_socket_t socket, int events);
  void collect_ended();

  const Endpoint endpoint_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  int epoll_ = -1;
  std::optional<Clock::time_point> timer_;  // when curl wants to be called though nothing came
  std::unordered_map<CURL*, std::unique_ptr<Exchange>> active_;
  std::vector<Easy> spare_;
  std::unique_ptr<CURLM, FreeMulti> multi_;  // last: its clean-up calls on_socket
};

Transfers::Engine::Engine(Endpoint endpoint, int connections) : endpoint_(std::move(endpoint)) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  ATELIER_CHECK(started == CURLE_OK);
  // no "Expect: 100-continue": it costs a round trip for every long prompt
  for (const std::string& line : {std::string("Content-Type: application/json"), std::string("Expect:")}) {
    headers_.reset(curl_slist_append(headers_.release(), line.c_str()));
  }
  if (!endpoint_.api_key.empty()) {
    const std::string line = "Authorization: Bearer " + endpoint_.api_key;
    headers_.reset(curl_slist_append(headers_.release(), line.c_str()));
  }
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  ATELIER_CHECK(epoll_ >= 0);
  multi_.reset(curl_multi_init());
  curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(std::max(connections, 8)));
  curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

Transfers::Engine::~Engine() {
  drop_all();
  multi_.reset();
  ::close(epoll_);
}

void Transfers::Engine::drop_all() {
  for (auto& [easy, exchange] : active_) curl_multi_remove_handle(multi_.get(), easy);
  active_.clear();
}

void Transfers::Engine::start(const std::string& path, std::string_view body, OnBytes on_bytes,
                              OnEnd on_end) {
  auto exchange = std::make_unique<Exchange>();
  if (spare_.empty()) {
    exchange->easy.reset(curl_easy_init());
    ATELIER_CHECK(exchange->easy != nullptr);
  } else {
    exchange->easy = std::move(spare_.back());
    spare_.pop_back();
    curl_easy_reset(exchange->easy.get());
  }
  exchange->on_bytes = std::move(on_bytes);
  exchange->on_end = std::move(on_end);
  CURL* easy = exchange->easy.get();
  set_up(easy, path, body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange.get());
  active_.emplace(easy, std::move(exchange));
  curl_multi_add_handle(multi_.get(), easy);
}

void Transfers::Engine::set_up(CURL* easy, const std::string& path, std::string_view body) {
  curl_easy_setopt(easy, CURLOPT_URL, (endpoint_.base_url + path).c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "atelier");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  if (!body.empty()) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  }
}

int Transfers::Engine::on_socket(CURL*, curl_socket_t socket, int what, void* context, void*) {
  auto& engine = *static_cast<Engine*>(context);
  if (what == CURL_POLL_REMOVE) {
    ::epoll_ctl(engine.epoll_, EPOLL_CTL_DEL, socket, nullptr);
    return 0;
  }
  epoll_event event{};
  event.data.fd = socket;
  if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
  if (::epoll_ctl(engine.epoll_, EPOLL_CTL_MOD, socket, &event) != 0) {
    ::epoll_ctl(engine.epoll_, EPOLL_CTL_ADD, socket, &event);
  }
  return 0;
}

int Transfers::Engine::on_timer(CURLM*, long wait_ms, void* context) {
  auto& engine = *static_cast<Engine*>(context);
  engine.timer_.reset();
  if (wait_ms >= 0) engine.timer_ = Clock::now() + std::chrono::milliseconds(wait_ms);
  return 0;
}

std::size_t Transfers::Engine::on_body(char* data, std::size_t size, std::size_t count, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  try {
    long status = 0;
    curl_easy_getinfo(exchange.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    exchange.on_bytes(static_cast<int>(status), {data, size * count});
    return size * count;
  } catch (const std::exception& error) {
    exchange.thrown = error.what();
    return 0;
  }
}

int Transfers::Engine::wait_ms(Clock::time_point deadline) const {
  if (timer_) deadline = std::min(deadline, *timer_);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

void Transfers::Engine::step(Clock::time_point deadline) {
  epoll_event events[64];
  const int ready = ::epoll_wait(epoll_, events, 64, wait_ms(deadline));
  for (int i = 0; i < ready; ++i) {
    int what = 0;
    if ((events[i].events & EPOLLIN) != 0) what |= CURL_CSELECT_IN;
    if ((events[i].events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
    if ((events[i].events & (EPOLLERR | EPOLLHUP)) != 0) what |= CURL_CSELECT_ERR;
    act(events[i].data.fd, what);
  }
  if (timer_ && *timer_ <= Clock::now()) {
    timer_.reset();
    act(CURL_SOCKET_TIMEOUT, 0);
  }
  collect_ended();
}

void Transfers::Engine::act(curl_socket_t socket, int events) {
  int running = 0;
  ATELIER_CHECK(curl_multi_socket_action(multi_.get(), socket, events, &running) == CURLM_OK);
}

void Transfers::Engine::collect_ended() {
  int queued = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &queued)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    CURL* easy = message->easy_handle;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(multi_.get(), easy);
    const auto exchange = std::move(active_.extract(easy).mapped());
    spare_.push_back(std::move(exchange->easy));
    Outcome outcome{.status = static_cast<int>(status), .broken = exchange->thrown};
    if (code != CURLE_OK && outcome.broken.empty()) outcome.broken = curl_easy_strerror(code);
    exchange->on_end(outcome);
  }
}

Transfers::Transfers(Endpoint endpoint, int connections)
    : engine_(std::make_unique<Engine>(std::move(endpoint), connections)) {}

Transfers::~Transfers() = default;

void Transfers::start(const std::string& path, std::string_view body, OnBytes on_bytes, OnEnd on_end) {
  engine_->start(path, body, std::move(on_bytes), std::move(on_end));
}

void Transfers::step(Clock::time_point deadline) {
  engine_->step(deadline);
}

std::size_t Transfers::active() const {
  return engine_->active();
}

const Endpoint& Transfers::endpoint() const {
  return engine_->endpoint();
}

Result<Transfers::Reply> Transfers::exchange(const std::string& path, std::string_view body,
                                             std::chrono::milliseconds patience) {
  Reply reply;
  Outcome outcome;
  bool ended = false, too_long = false;
  start(
      path, body,
      [&](int, std::string_view bytes) {
        too_long = too_long || reply.body.size() + bytes.size() > kMaxReplyBytes;
        if (!too_long) reply.body += bytes;
      },
      [&](const Outcome& end) {
        outcome = end;
        ended = true;
      });
  const auto deadline = Clock::now() + patience;
  while (!ended && !too_long && Clock::now() < deadline) engine_->step(deadline);
  const std::string url = endpoint().base_url + path;
  if (!ended) {
    engine_->drop_all();
    return fail(Fault::kNetwork, "{}: no whole answer within {} s and {} MiB", url, patience.count() / 1000,
                kMaxReplyBytes >> 20);
  }
  if (!outcome.broken.empty()) return fail(Fault::kNetwork, "{}: {}", url, outcome.broken);
  reply.status = outcome.status;
  return reply;
}

}  // namespace atelier::client
