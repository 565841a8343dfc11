#include "http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "http/test_client.h"

namespace atelier::http {
namespace {

using std::chrono::milliseconds;

Options quick_options() {
  Options options;
  options.read_deadline = milliseconds(300);
  options.write_deadline = milliseconds(500);
  options.keep_alive_deadline = milliseconds(2000);
  options.refuse = [](int status, std::string_view message) {
    return Response{status, {{"Content-Type", "application/json"}}, "refused: " + std::string(message)};
  };
  return options;
}

// Answers with what it was asked: "METHOD path body".
void echo(Request request, std::shared_ptr<ResponseWriter> writer) {
  writer->respond(
      {.status = 200, .headers = {}, .body = request.method + " " + request.path + " " + request.body});
}

std::unique_ptr<Server> serve(Handler handler, Options options = quick_options()) {
  auto server = Server::bind(std::move(options));
  EXPECT_TRUE(server) << server.error().message;
  EXPECT_TRUE((*server)->start(std::move(handler)));
  return std::move(*server);
}

std::string get(std::string_view path, std::string_view more = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) + "\r\n";
}

bool eventually(const std::function<bool()>& holds, milliseconds patience = milliseconds(5000)) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

TEST(HttpServer, KeepsAConnectionForManyRequests) {
  const auto server = serve(echo);
  TestClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    const std::string reply = client.read_until("POST /a hello");
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 200 OK\r\n")) << reply;
    EXPECT_NE(reply.find("Connection: keep-alive"), std::string::npos);
  }
  client.send(get("/last", "Connection: close\r\n"));
  EXPECT_NE(client.read_to_end().find("GET /last "), std::string::npos);
  EXPECT_TRUE(client.ended());
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  std::mutex mutex;
  std::vector<std::thread> threads;
  {
    const auto server = serve([&](Request request, std::shared_ptr<ResponseWriter> writer) {
      std::lock_guard lock(mutex);
      threads.emplace_back([request, writer] {
        std::this_thread::sleep_for(milliseconds(request.path == "/1" ? 60 : 1));
        echo(request, writer);
      });
    });
    TestClient client(server->port());
    client.send(get("/1") + get("/2"));
    client.send(get("/3"));
    std::this_thread::sleep_for(milliseconds(20));
    client.send(get("/4", "Connection: close\r\n"));
    const std::string replies = client.read_to_end();
    std::size_t at = 0;
    for (const char* path : {"GET /1 ", "GET /2 ", "GET /3 ", "GET /4 "}) {
      at = replies.find(path, at);
      ASSERT_NE(at, std::string::npos) << path << replies;
    }
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(HttpServer, HeadHasALengthAndNoBody) {
  const auto server = serve(echo);
  TestClient client(server->port());
  client.send("HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string reply = client.read_to_end();
  EXPECT_NE(reply.find("Content-Length: 8\r\n"), std::string::npos) << reply;
  EXPECT_TRUE(reply.ends_with("\r\n\r\n"));
}

TEST(HttpServer, ReadsChunkedBodies) {
  const auto server = serve(echo);
  TestClient client(server->port());
  client.send("POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  client.send("4;ext=1\r\ndefg\r\n0\r\n\r\n");
  EXPECT_NE(client.read_until("abcdefg").find("POST /c abcdefg"), std::string::npos);
}

TEST(HttpServer, ContinuesWhenAsked) {
  const auto server = serve(echo);
  TestClient client(server->port());
  client.send("POST /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_NE(client.read_until("POST /e ok").find("200 OK"), std::string::npos);
}

TEST(HttpServer, AnswersAClientThatClosedItsSendingEnd) {
  const auto server = serve(echo);
  TestClient client(server->port());
  client.send(get("/half"));
  client.close_sending();
  EXPECT_NE(client.read_to_end().find("GET /half"), std::string::npos);
  EXPECT_TRUE(client.ended());
}

struct BadCase {
  const char* name;
  std::string bytes;
  int status;  // 0: closed without a word is fine
};

class HttpRefusal : public testing::TestWithParam<BadCase> {};

TEST_P(HttpRefusal, SaysWhyAndCloses) {
  Options options = quick_options();
  options.max_body_bytes = 1000;
  const auto server = serve(echo, options);
  TestClient client(server->port());
  client.send(GetParam().bytes);
  const std::string reply = client.read_to_end();
  EXPECT_TRUE(client.ended());
  if (GetParam().status != 0) {
    const std::string start = "HTTP/1.1 " + std::to_string(GetParam().status) + " ";
    EXPECT_TRUE(reply.starts_with(start)) << reply.substr(0, 300);
    EXPECT_NE(reply.find("refused: "), std::string::npos) << reply.substr(0, 300);
  }
  TestClient after(server->port());
  after.send(get("/alive", "Connection: close\r\n"));
  EXPECT_NE(after.read_to_end().find("GET /alive"), std::string::npos);
}

std::string post(const std::string& headers, const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n" + body;
}

const std::vector<BadCase>& bad_cases() {
  static const std::vector<BadCase> cases = {
      {"Garbage", "\x16\x03\x01\x02\r\n\r\n", 400},
      {"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
      {"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"BadVersion", "GET / HTTP/3.7\r\nHost: a\r\n\r\n", 400},
      {"BadEscape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"LongHeader", get("/", "X: " + std::string(17 << 10, 'a') + "\r\n"), 431},
      {"ManyHeaders",
       [] {
         std::string headers;
         for (int i = 0; i < 3000; ++i) headers += fmt::format("X-{}: y\r\n", i);
         return get("/", headers);
       }(),
       431},
      {"LongUrl", get("/" + std::string(9 << 10, 'a')), 414},
      {"VeryLongUrl", get("/" + std::string(1 << 20, 'a')), 414},
      {"LongBody", post("Content-Length: 1001\r\n", std::string(1001, 'b')), 413},
      {"HugeLength", post("Content-Length: 99999999999\r\n", ""), 413},
      {"LengthOverflow", post("Content-Length: 18446744073709551616\r\n", ""), 400},
      {"NegativeLength", post("Content-Length: -1\r\n", ""), 400},
      {"TwoLengths", post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab"), 400},
      {"LengthAndChunks", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {"LongChunks", post("Transfer-Encoding: chunked\r\n", "3e9\r\n" + std::string(1001, 'c') + "\r\n"),
       413},
      {"NegativeChunk", post("Transfer-Encoding: chunked\r\n", "-2\r\nabc\r\n0\r\n\r\n"), 400},
      {"ChunkOverflow", post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n"), 400},
      {"UnknownCoding", post("Transfer-Encoding: gzip\r\n", ""), 501},
      {"UnknownExpectation", post("Expect: tea\r\nContent-Length: 1\r\n", "a"), 417},
      {"SlowHeader", "GET / HTTP/1.1\r\nHost: x\r\nX: ", 408},
      {"SlowBody", post("Content-Length: 10\r\n", "ab"), 408},
      {"SilentClient", "", 0},
  };
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, HttpRefusal, testing::ValuesIn(bad_cases()),
                         [](const auto& info) { return info.param.name; });

// ---- streams

Response event_head() {
  return {.status = 200, .headers = {{"Content-Type", "text/event-stream"}}, .body = {}};
}

TEST(HttpStream, ArrivesInChunksAndKeepsTheConnection) {
  const auto server = serve([](Request, std::shared_ptr<ResponseWriter> writer) {
    writer->begin_stream(event_head());
    writer->send("data: 1\n\n");
    writer->send("data: 2\n\n");
    writer->end_stream();
  });
  TestClient client(server->port());
  for (int i = 0; i < 2; ++i) {
    client.send(get("/s"));
    const std::string reply = client.read_until("\r\n0\r\n\r\n");
    EXPECT_TRUE(reply.ends_with("9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n")) << reply;
  }
}

TEST(HttpStream, EndsWithTheConnectionForHttp10) {
  const auto server = serve([](Request, std::shared_ptr<ResponseWriter> writer) {
    writer->begin_stream(event_head());
    writer->send("plain");
    writer->end_stream();
  });
  TestClient client(server->port());
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(client.read_to_end().ends_with("\r\n\r\nplain"));
  EXPECT_TRUE(client.ended());
}

TEST(HttpStream, TellsWhenTheClientGoes) {
  std::atomic<int> gone{0};
  std::shared_ptr<ResponseWriter> kept;
  std::atomic<bool> has_kept{false};
  const auto server = serve([&](Request request, std::shared_ptr<ResponseWriter> writer) {
    writer->on_closed([&gone] { ++gone; });
    if (request.path == "/stream") writer->begin_stream(event_head());
    kept = writer;
    has_kept = true;
  });
  for (const char* path : {"/stream", "/waiting"}) {
    gone = 0;
    has_kept = false;
    TestClient client(server->port());
    client.send(get(path));
    ASSERT_TRUE(eventually([&] { return has_kept.load(); }));
    EXPECT_FALSE(kept->closed());
    client.close();
    EXPECT_TRUE(eventually([&] { return gone == 1; })) << path;
    EXPECT_TRUE(kept->closed());
    EXPECT_FALSE(kept->send("x"));
    kept.reset();
  }
  EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
}

TEST(HttpStream, StopsASenderWhoseClientReadsNothing) {
  std::shared_ptr<ResponseWriter> kept;
  std::atomic<bool> has_kept{false}, gone{false};
  Options options = quick_options();
  options.stream_buffer_bytes = 64 << 10;
  const auto server = serve(
      [&](Request, std::shared_ptr<ResponseWriter> writer) {
        writer->on_closed([&gone] { gone = true; });
        writer->begin_stream(event_head());
        kept = writer;
        has_kept = true;
      },
      options);
  TestClient client(server->port());
  client.send(get("/slow"));
  ASSERT_TRUE(eventually([&] { return has_kept.load(); }));
  const std::string block(8 << 10, 'z');
  std::size_t sent = 0;
  while (sent < (64u << 20) && kept->send(block)) {
    sent += block.size();
    if (kept->full() && !eventually([&] { return !kept->full(); }, milliseconds(50))) break;
  }
  EXPECT_TRUE(kept->full());
  EXPECT_LT(sent, 32u << 20);                            // what the kernel took, not what we could make
  EXPECT_TRUE(eventually([&] { return gone.load(); }));  // cut after the write deadline
  kept.reset();
}

TEST(HttpStream, CallsTheSenderBackWhenThereIsRoom) {
  Options options = quick_options();
  options.stream_buffer_bytes = 32 << 10;
  const std::string block(16 << 10, 'y');
  // sends `left` blocks, as many at a time as there is room for
  struct Sender : std::enable_shared_from_this<Sender> {
    std::shared_ptr<ResponseWriter> writer;
    int left = 400;
    void pump(const std::string& block) {
      while (left > 0 && !writer->full()) {
        writer->send(block);
        --left;
      }
      if (left == 0) writer->end_stream();
    }
  };
  const auto server = serve(
      [&](Request, std::shared_ptr<ResponseWriter> writer) {
        auto sender = std::make_shared<Sender>();
        sender->writer = writer;
        writer->begin_stream(event_head());
        writer->on_drained([sender, &block] { sender->pump(block); });
        sender->pump(block);
      },
      options);
  TestClient client(server->port());
  client.send(get("/big", "Connection: close\r\n"));
  const std::string reply = client.read_to_end();
  EXPECT_GT(reply.size(), 400u * block.size());
  EXPECT_TRUE(reply.ends_with("0\r\n\r\n"));
}

TEST(HttpStream, AWriterLetGoEndsTheExchangeAllTheSame) {
  const auto server = serve([](Request request, std::shared_ptr<ResponseWriter> writer) {
    if (request.path == "/cut") writer->begin_stream(event_head());
  });
  TestClient silent(server->port());
  silent.send(get("/silent"));
  EXPECT_TRUE(silent.read_to_end().starts_with("HTTP/1.1 500 "));
  TestClient cut(server->port());
  cut.send(get("/cut"));
  EXPECT_FALSE(cut.read_to_end().ends_with("0\r\n\r\n"));
  EXPECT_TRUE(cut.ended());
}

TEST(HttpServer, BodiesTogetherHoldNoMoreThanTheyMay) {
  Options options = quick_options();
  options.read_deadline = milliseconds(5000);
  options.min_body_bytes = 1000;
  options.max_bodies_bytes = 100'000;
  options.threads = 1;  // two threads may see too much at once, and refuse both
  const auto server = serve(echo, std::move(options));
  const auto post = [](std::size_t bytes) {
    return "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
  };
  TestClient slow(server->port()), greedy(server->port()), small(server->port());
  slow.send(post(100'000) + std::string(90'000, 'a'));  // held, and not yet whole
  greedy.send(post(100'000) + std::string(90'000, 'b'));
  // whichever came second is refused; what is small is served all the same
  EXPECT_TRUE(eventually([&] { return server->connections() == 3; }));
  small.send(post(500) + std::string(500, 'c'));
  EXPECT_TRUE(small.read_until("ccc").starts_with("HTTP/1.1 200"));
  slow.send(std::string(10'000, 'a'));
  greedy.send(std::string(10'000, 'b'));
  const std::string first = slow.read_until("\r\n"), second = greedy.read_until("\r\n");
  EXPECT_NE(first.contains("503"), second.contains("503")) << first << second;
}

TEST(HttpServer, AThrowingHandlerCostsOnlyItsOwnRequest) {
  const auto server = serve([](Request, std::shared_ptr<ResponseWriter>) { throw std::bad_alloc(); });
  TestClient client(server->port());
  client.send(get("/"));
  EXPECT_TRUE(client.read_until("logged").starts_with("HTTP/1.1 500 "));
}

TEST(HttpServer, TasksRunOnOneThreadAtATime) {
  std::atomic<int> inside{0}, most{0}, ran{0};
  const auto server = serve([&](Request, std::shared_ptr<ResponseWriter> writer) {
    std::thread([&, writer] {
      for (int i = 0; i < 100; ++i) {
        writer->post([&] {
          most = std::max(most.load(), ++inside);
          ++ran;
          --inside;
        });
      }
      writer->post([writer] { writer->respond({.status = 200, .headers = {}, .body = "done"}); });
    }).detach();
  });
  TestClient client(server->port());
  client.send(get("/"));
  EXPECT_TRUE(client.read_until("done").ends_with("done"));
  EXPECT_EQ(ran, 100);
  EXPECT_EQ(most, 1);
}

TEST(HttpServer, StopLetsAnswersFinishAndClosesTheIdle) {
  std::atomic<bool> asked{false};
  auto server = serve([&](Request request, std::shared_ptr<ResponseWriter> writer) {
    if (request.path == "/idle") return echo(request, writer);
    asked = true;
    std::thread([writer, request] {
      std::this_thread::sleep_for(milliseconds(100));
      echo(request, writer);
    }).detach();
  });
  TestClient idle(server->port()), busy(server->port());
  idle.send(get("/idle"));
  idle.read_until("/idle ");
  busy.send(get("/busy"));
  ASSERT_TRUE(eventually([&] { return asked.load(); }));
  const std::uint16_t port = server->port();
  std::thread stopping([&] { server->stop(milliseconds(3000)); });
  EXPECT_NE(busy.read_to_end().find("GET /busy"), std::string::npos);
  idle.read_to_end();
  EXPECT_TRUE(idle.ended());
  stopping.join();
  EXPECT_FALSE(TestClient(port).connected());
}

TEST(HttpServer, SaysThatAPortIsTaken) {
  const auto server = serve(echo);
  Options options = quick_options();
  options.port = server->port();
  const auto second = Server::bind(options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().fault, Fault::kIo);
  EXPECT_NE(second.error().message.find(std::to_string(server->port())), std::string::npos);
}

TEST(HttpServer, ServesManyClientsAtOnce) {
  const auto server = serve(echo);
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&, i] {
      TestClient client(server->port());
      for (int j = 0; j < 20; ++j) {
        const std::string path = fmt::format("/{}-{}", i, j);
        client.send(get(path));
        if (client.read_until("GET " + path + " ").starts_with("HTTP/1.1 200")) ++good;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 16 * 20);
}

}  // namespace
}  // namespace atelier::http
