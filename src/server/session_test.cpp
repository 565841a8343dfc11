// Sessions between a real HTTP server and the engine's own mailboxes; a thread of the test speaks for the
// engine's.
#include "server/session.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/json.h"
#include "engine/mailbox.h"
#include "http/server.h"
#include "http/test_client.h"
#include "server/assets.h"

namespace atelier::server {
namespace {

using engine::FinishReason;
using std::chrono::milliseconds;

// Tokens 0 … 25 are the letters a … z.
const text::Tokenizer& letters() {
  static const text::Tokenizer tokenizer = [] {
    text::TokenizerData data;
    for (char c = 'a'; c <= 'z'; ++c) data.tokens.emplace_back(1, c);
    auto made = text::Tokenizer::create(std::move(data));
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }();
  return tokenizer;
}

void deliver(engine::Mailbox& mailbox, std::string_view word) {
  for (const char c : word) mailbox.deliver(engine::TokenEvent{.id = c - 'a', .logprob = -1, .top = {}}, {});
}

void end(engine::Mailbox& mailbox, FinishReason reason) {
  mailbox.deliver({}, engine::GenerationEnd{.reason = reason, .stop_id = -1, .error = "broken"});
}

bool eventually(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

// Serves sessions of `choices` choices each; the mailboxes of the latest are at hand.
class SessionTest : public testing::Test {
 protected:
  void serve(SessionTerms terms, int choices, ChoiceTerms choice_terms = {}) {
    for (int i = 0; i < choices; ++i) mailboxes_.push_back(std::make_shared<engine::Mailbox>());
    auto server = http::Server::bind({.refuse = refusal});
    ASSERT_TRUE(server);
    server_ = std::move(*server);
    ASSERT_TRUE(server_->start([this, terms, choice_terms](http::Request request, auto writer) {
      auto call = std::make_shared<Call>(std::move(request), std::move(writer));
      ++present_;
      auto session =
          std::make_shared<Session>(call, api::chat_format({.id = "1", .model = "m", .fingerprint = "f"}),
                                    terms, Presence(nullptr, [this](void*) { --present_; }));
      for (const auto& mailbox : mailboxes_) {
        session->add(std::make_unique<Choice>(letters(), choice_terms, engine::make_handle(mailbox)));
      }
      std::atomic_store(&session_, session);
      session->start();
    }));
    client_ = std::make_unique<http::TestClient>(server_->port());
    client_->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  }

  boost::json::value body_of(const std::string& reply) {
    const std::size_t at = reply.find("\r\n\r\n");
    auto value = parse_json(at == std::string::npos ? "" : std::string_view(reply).substr(at + 4));
    EXPECT_TRUE(value) << reply;
    return value ? *value : boost::json::value();
  }

  std::vector<std::shared_ptr<engine::Mailbox>> mailboxes_;
  std::atomic<int> present_{0};
  std::shared_ptr<Session> session_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::TestClient> client_;
};

TEST_F(SessionTest, StreamsWhatTheEngineSays) {
  serve({.stream = true, .include_usage = true, .prompt_tokens = 7}, 1);
  std::thread engine([&] {
    for (const char* word : {"he", "ll", "o"}) {
      deliver(*mailboxes_[0], word);
      std::this_thread::sleep_for(milliseconds(2));
    }
    end(*mailboxes_[0], FinishReason::kLength);
  });
  const std::string reply = client_->read_until("0\r\n\r\n");
  engine.join();
  EXPECT_NE(reply.find("Content-Type: text/event-stream"), std::string::npos);
  std::string text;
  for (std::size_t at = 0; (at = reply.find("\"content\":\"", at)) != std::string::npos;) {
    at += 11;
    text += reply.substr(at, reply.find('"', at) - at);
  }
  EXPECT_EQ(text, "hello");
  EXPECT_NE(reply.find("\"finish_reason\":\"length\""), std::string::npos);
  EXPECT_NE(reply.find("\"prompt_tokens\":7,\"total_tokens\":12,\"completion_tokens\":5"), std::string::npos);
  EXPECT_NE(reply.find("data: [DONE]\n\n"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return present_ == 0; }));
}

TEST_F(SessionTest, GathersAWholeReply) {
  serve({.prompt_tokens = 1}, 2);
  std::thread engine([&] {
    deliver(*mailboxes_[1], "two");
    end(*mailboxes_[1], FinishReason::kStop);
    deliver(*mailboxes_[0], "one");
    end(*mailboxes_[0], FinishReason::kLength);
  });
  const auto body = body_of(client_->read_until("}}"));
  engine.join();
  EXPECT_EQ(body.at("choices").at(0).at("message").at("content"), "one");
  EXPECT_EQ(body.at("choices").at(1).at("message").at("content"), "two");
  EXPECT_EQ(body.at("choices").at(1).at("finish_reason"), "stop");
  EXPECT_EQ(body.at("usage").at("completion_tokens"), 6);
}

TEST_F(SessionTest, AStopStringCancelsTheRest) {
  serve({.prompt_tokens = 1}, 1, {.stop = {"ll"}, .stop_token_ids = {}});
  deliver(*mailboxes_[0], "hellooo");
  const auto body = body_of(client_->read_until("}}"));
  EXPECT_EQ(body.at("choices").at(0).at("message").at("content"), "he");
  EXPECT_EQ(body.at("choices").at(0).at("stop_reason"), "ll");
  EXPECT_EQ(body.at("usage").at("completion_tokens"), 4);  // what was read, not what came too much
  EXPECT_TRUE(mailboxes_[0]->cancelled());
  end(*mailboxes_[0], FinishReason::kCancelled);  // as the engine does, later
}

TEST_F(SessionTest, AFailureIsToldWithItsStatus) {
  serve({}, 1);
  end(*mailboxes_[0], FinishReason::kFailed);
  const std::string reply = client_->read_until("}}");
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 500 "));
  EXPECT_NE(reply.find("broken"), std::string::npos);
}

TEST_F(SessionTest, AFailureAmidAStreamIsAnEvent) {
  serve({.stream = true}, 1);
  deliver(*mailboxes_[0], "hal");
  end(*mailboxes_[0], FinishReason::kFailed);
  const std::string reply = client_->read_until("0\r\n\r\n");
  EXPECT_NE(reply.find("data: {\"error\":"), std::string::npos);
  EXPECT_NE(reply.find("data: [DONE]"), std::string::npos);
}

TEST_F(SessionTest, AClientThatGoesCancelsEveryChoice) {
  for (const bool stream : {true, false}) {
    mailboxes_.clear();
    serve({.stream = stream}, 3);
    ASSERT_TRUE(eventually([&] { return present_ == 1; }));
    deliver(*mailboxes_[1], "abc");
    std::atomic_store(&session_, std::shared_ptr<Session>());
    client_->close();
    for (const auto& mailbox : mailboxes_) EXPECT_TRUE(eventually([&] { return mailbox->cancelled(); }));
    EXPECT_TRUE(eventually([&] { return present_ == 0; }));
    for (const auto& mailbox : mailboxes_) end(*mailbox, FinishReason::kCancelled);
    server_->stop(milliseconds(0));
  }
}

TEST_F(SessionTest, AnInterruptionIsToldAsOne) {
  serve({.stream = true}, 1);
  ASSERT_TRUE(eventually([&] { return std::atomic_load(&session_) != nullptr; }));
  std::atomic_load(&session_)->interrupt();
  ASSERT_TRUE(eventually([&] { return mailboxes_[0]->cancelled(); }));
  end(*mailboxes_[0], FinishReason::kCancelled);
  EXPECT_NE(client_->read_until("0\r\n\r\n").find("shutting down"), std::string::npos);
}

TEST(Assets, ThereIsAlwaysAPage) {
  const Asset* page = find_asset("/");
  ASSERT_NE(page, nullptr);
  EXPECT_FALSE(page->bytes.empty());
  EXPECT_EQ(page->etag.size(), 18u);
  EXPECT_EQ(find_asset("/../secret"), nullptr);
}

}  // namespace
}  // namespace atelier::server
