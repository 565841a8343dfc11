#include "formats/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <iterator>
#include <optional>
#include <utility>

#include "base/check.h"

namespace atelier::formats {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kMaxRedirects = 10;
constexpr std::size_t kMaxHeaders = 256, kMaxHeaderBytes = 16 << 10;

void start_curl_once() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  ATELIER_CHECK(started == CURLE_OK);
}

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(char* text) const { curl_free(text); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::string url_part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
  const std::unique_ptr<char, FreeUrl> owner(text);
  return text;
}

// Where a redirect leads: http(s) only, and never from https back to http.
Result<std::string> redirect_target(const std::string& from, const std::string& location) {
  const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  if (url == nullptr || curl_url_set(url.get(), CURLUPART_URL, from.c_str(), 0) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK) {
    return fail(Fault::kCorrupt, "{} redirects to an address that cannot be used", origin_of(from));
  }
  const std::string target = url_part(url.get(), CURLUPART_URL);
  const std::string scheme = url_part(url.get(), CURLUPART_SCHEME);
  const bool was_secure = from.starts_with("https:");
  if (scheme != "https" && (scheme != "http" || was_secure)) {
    return fail(Fault::kCorrupt, "{} redirects to {}://, which is not followed", origin_of(from), scheme);
  }
  return target;
}

// One request and its answer, filled in by curl's callbacks; which hop it is, the caller knows.
struct Exchange {
  HttpHead head;
  const HttpClient::OnHead* on_head;
  const HttpClient::OnBytes* on_bytes;
  bool answered = false;
  bool head_given = false;
  std::optional<Failure> failure;

  bool is_redirect() const {
    const int s = head.status;
    return (s == 301 || s == 302 || s == 303 || s == 307 || s == 308) && !head.header("location").empty();
  }

  bool give_head() {
    if (head_given || is_redirect()) return true;
    head_given = true;
    if (Status ok = (*on_head)(head); !ok) failure = std::move(ok).error();
    return !failure;
  }
};

void read_header_line(Exchange& exchange, std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  auto& headers = exchange.head.headers;
  if (line.starts_with("HTTP/")) {  // a new answer (after "100 Continue" or a proxy's): forget the last one
    exchange.answered = true;
    exchange.head.status = 0;
    const auto space = line.find(' ');
    if (space != line.npos) {
      const std::string_view digits = line.substr(space + 1, 3);
      std::from_chars(digits.data(), digits.data() + digits.size(), exchange.head.status);
    }
    headers.clear();
    return;
  }
  const auto colon = line.find(':');
  if (colon == line.npos || headers.size() >= kMaxHeaders || line.size() > kMaxHeaderBytes) return;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  headers.insert_or_assign(std::move(name), std::string(value));
}

// Nothing may be thrown through curl's C code.
template <class Body>
std::size_t guarded(Exchange& exchange, std::size_t size, Body&& body) noexcept {
  try {
    return body() ? size : 0;
  } catch (const std::exception& error) {
    exchange.failure = Failure{Fault::kInternal, error.what(), {}};
    return 0;
  }
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  return guarded(exchange, size * count, [&] {
    read_header_line(exchange, {data, size * count});
    return true;
  });
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  return guarded(exchange, size * count, [&] {
    if (!exchange.give_head()) return false;
    if (exchange.head.status < 200 || exchange.head.status > 299) return true;
    if (Status ok = (*exchange.on_bytes)({reinterpret_cast<const std::byte*>(data), size * count}); !ok) {
      exchange.failure = std::move(ok).error();
    }
    return !exchange.failure.has_value();
  });
}

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find_first_of("\r\n")));
}

}  // namespace

struct HttpClient::Handles {
  CURL* easy;
  CURLM* multi;
  char error[CURL_ERROR_SIZE] = {};

  Result<void> run(Exchange& exchange, const HttpRequest& request, Clock::time_point answer_by);
  void prepare(Exchange& exchange, const HttpRequest& request, curl_slist* headers);
};

HttpClient::HttpClient() {
  start_curl_once();
  handles_ = std::make_unique<Handles>();
  handles_->easy = curl_easy_init();
  handles_->multi = curl_multi_init();
  ATELIER_CHECK(handles_->easy != nullptr && handles_->multi != nullptr);
}

HttpClient::~HttpClient() {
  curl_easy_cleanup(handles_->easy);
  curl_multi_cleanup(handles_->multi);
}

Result<HttpHead> HttpClient::fetch(const HttpRequest& request, const OnHead& on_head,
                                   const OnBytes& on_bytes) {
  const std::string origin = origin_of(request.url);
  if (origin.empty()) return fail(Fault::kBadRequest, "\"{}\" is no http or https address", request.url);
  const auto answer_by = Clock::now() + request.answer_within;
  HttpRequest hop = request;
  std::map<std::string, std::string, std::less<>> kept;
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    if (origin_of(hop.url) != origin) hop.token.clear();
    Exchange exchange{{}, &on_head, &on_bytes, false, false, {}};
    exchange.head.url = hop.url;
    const OnHead with_kept = [&](const HttpHead& head) {
      HttpHead whole = head;
      for (const auto& [name, value] : kept) whole.headers.insert_or_assign(name, value);
      return on_head(whole);
    };
    exchange.on_head = &with_kept;
    ATELIER_TRY_STATUS(handles_->run(exchange, hop, answer_by));
    for (const auto& [name, value] : exchange.head.headers) {
      if (name.starts_with("x-linked-") || name == "x-repo-commit") kept.emplace(name, value);
    }
    if (!exchange.is_redirect()) {
      exchange.give_head();  // a body of no bytes
      if (exchange.failure) return std::unexpected(std::move(*exchange.failure));
      for (const auto& [name, value] : kept) exchange.head.headers.insert_or_assign(name, value);
      return std::move(exchange.head);
    }
    ATELIER_TRY(hop.url, redirect_target(hop.url, std::string(exchange.head.header("location"))));
  }
  return fail(Fault::kCorrupt, "{} redirects more than {} times", origin, kMaxRedirects);
}

Result<void> HttpClient::Handles::run(Exchange& exchange, const HttpRequest& request,
                                      Clock::time_point answer_by) {
  curl_slist* list = curl_slist_append(nullptr, "Accept-Encoding: identity");
  if (!request.token.empty())
    list = curl_slist_append(list, ("Authorization: Bearer " + request.token).c_str());
  const std::unique_ptr<curl_slist, FreeUrl> headers(list);
  prepare(exchange, request, headers.get());

  curl_multi_add_handle(multi, easy);
  CURLcode outcome = CURLE_OK;
  bool timed_out = false;
  for (int running = 1; running > 0 && !timed_out;) {
    if (curl_multi_perform(multi, &running) != CURLM_OK) break;
    timed_out = !exchange.answered && Clock::now() > answer_by;
    if (running > 0 && !timed_out) curl_multi_poll(multi, nullptr, 0, 100, nullptr);
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg == CURLMSG_DONE) outcome = message->data.result;
  }
  curl_multi_remove_handle(multi, easy);

  if (exchange.failure) return std::unexpected(std::move(*exchange.failure));
  const std::string origin = origin_of(request.url);
  if (timed_out) {
    return fail(Fault::kNetwork, "{} did not answer within {:.1f} s", origin,
                std::chrono::duration<double>(request.answer_within).count());
  }
  if (outcome != CURLE_OK) {
    const std::string detail = error[0] != '\0' ? first_line(error) : curl_easy_strerror(outcome);
    return fail(Fault::kNetwork, "{}: {}", origin, detail);
  }
  return {};
}

void HttpClient::Handles::prepare(Exchange& exchange, const HttpRequest& request, curl_slist* headers) {
  error[0] = '\0';
  curl_easy_reset(easy);
  const auto set = [this](CURLoption option, auto value) {
    ATELIER_CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
  };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's answer is not the server's
  set(CURLOPT_ERRORBUFFER, error);
  set(CURLOPT_USERAGENT, "atelier");
  set(CURLOPT_HTTPHEADER, headers);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.answer_within.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(request.stall_after.count() / 1000)));
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&exchange));
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&exchange));
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L << 10);  // a wish: refused once a buffer is in use
  if (request.method == HttpRequest::Method::kHead) set(CURLOPT_NOBODY, 1L);
  if (request.from_byte > 0) set(CURLOPT_RANGE, fmt::format("{}-", request.from_byte).c_str());
}

Result<HttpClient::Reply> HttpClient::get(const HttpRequest& request, std::size_t max_bytes) {
  Reply reply;
  const auto collect = [&](std::span<const std::byte> bytes) -> Status {
    if (bytes.size() > max_bytes - reply.body.size()) {
      return fail(Fault::kNetwork, "{} answers with more than {} bytes", origin_of(request.url), max_bytes);
    }
    reply.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  };
  ATELIER_TRY(reply.head, fetch(request, [](const HttpHead&) { return Status{}; }, collect));
  return reply;
}

std::string_view HttpHead::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : found->second;
}

std::optional<std::int64_t> HttpHead::number(std::string_view name) const {
  const std::string_view text = header(name);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < 0)
    return std::nullopt;
  return value;
}

std::string origin_of(const std::string& url) {
  const std::unique_ptr<CURLU, FreeUrl> parts(curl_url());
  if (parts == nullptr || curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return "";
  const std::string scheme = url_part(parts.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return "";
  std::string host = url_part(parts.get(), CURLUPART_HOST);
  std::ranges::transform(host, host.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string port = url_part(parts.get(), CURLUPART_PORT);
  const bool is_default = port.empty() || port == (scheme == "https" ? "443" : "80");
  return is_default ? fmt::format("{}://{}", scheme, host) : fmt::format("{}://{}:{}", scheme, host, port);
}

std::string percent_encoded(std::string_view text, std::string_view keep) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("-_.~").find(c) != std::string_view::npos ||
                       keep.find(c) != keep.npos;
    if (plain) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace atelier::formats
