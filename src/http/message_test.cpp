#include "http/message.h"

#include <gtest/gtest.h>

namespace atelier::http {
namespace {

TEST(Target, IsTakenApart) {
  const auto target = parse_target("/v1/models/a%2Fb%20c?x=1&y=%20#part");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/v1/models/a/b c");
  EXPECT_EQ(target->query, "x=1&y=%20");
  EXPECT_EQ(parse_target("http://host:80/p?q")->path, "/p");
  EXPECT_EQ(parse_target("http://host")->path, "/");
  EXPECT_EQ(parse_target("*")->path, "*");
}

TEST(Target, RefusesWhatCannotBe) {
  for (const char* bad : {"", "x", "/%", "/%4", "/%zz", "/%00", "/a%", "ftp://x/"}) {
    EXPECT_FALSE(parse_target(bad)) << bad;
  }
}

TEST(ResponseHead, NeverLetsAValueBreakTheLine) {
  Response response{.status = 404, .headers = {{"X-Request-Id", "a\r\nSet-Cookie: b"}}, .body = "gone"};
  const std::string head = response_head(response, {.length_bytes = 4, .keep_alive = false});
  EXPECT_TRUE(head.starts_with("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_NE(head.find("X-Request-Id: a  Set-Cookie: b\r\n"), std::string::npos);
  EXPECT_NE(head.find("Content-Length: 4\r\n"), std::string::npos);
  EXPECT_NE(head.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
}

TEST(ResponseHead, StatesNoLengthWhereThereIsNone) {
  const std::string none =
      response_head({.status = 204, .headers = {}, .body = {}}, {.body = Framing::Body::kNone});
  EXPECT_EQ(none.find("Content-Length"), std::string::npos);
  const std::string chunked = response_head({}, {.body = Framing::Body::kChunked});
  EXPECT_NE(chunked.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
}

TEST(Request, FindsHeadersInAnyCase) {
  Request request;
  request.headers = {{"Content-Type", "a"}, {"content-type", "b"}};
  EXPECT_EQ(request.header("CONTENT-TYPE"), "a");
  EXPECT_EQ(request.header("Accept"), "");
}

}  // namespace
}  // namespace atelier::http
