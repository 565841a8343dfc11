#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace atelier {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class Log : public testing::Test {
 protected:
  ~Log() override { set_log_level(LogLevel::kInfo); }

  template <class Write>
  static std::string written(Write&& write) {
    testing::internal::CaptureStderr();
    write();
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(Log, WritesTimeLevelAndMessage) {
  EXPECT_THAT(written([] { log_warning("{} of {}", 3, "five"); }),
              MatchesRegex("[0-9][0-9]:[0-9][0-9]:[0-9][0-9] warn  3 of five\n"));
}

TEST_F(Log, LeavesOutWhatIsBelowTheLevel) {
  EXPECT_EQ(written([] { log_debug("quiet"); }), "");
  EXPECT_THAT(written([] { log_info("loud"); }), HasSubstr("loud"));
  set_log_level(LogLevel::kError);
  EXPECT_EQ(written([] { log_warning("quiet"); }), "");
  set_log_level(LogLevel::kDebug);
  EXPECT_THAT(written([] { log_debug("loud"); }), HasSubstr("debug loud"));
}

// Text from a file or a client cannot begin a line of its own or move the terminal's cursor.
TEST_F(Log, KeepsToOneLine) {
  EXPECT_THAT(written([] { log_line(LogLevel::kError, "a\n00:00:00 info  b\x1b[2J\tc\r\x7f é"); }),
              MatchesRegex("........ error a 00:00:00 info  b \\[2J c   é\n"));
}

TEST_F(Log, LinesNeverMix) {
  const std::string out = written([] {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([i] {
        for (int line = 0; line < 200; ++line) log_info("{}", std::string(40, static_cast<char>('a' + i)));
      });
    }
  });
  std::size_t lines = 0;
  for (std::size_t at = 0; at < out.size(); ++lines) {
    const std::size_t end = out.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    const std::string message = out.substr(end - 40, 40);
    EXPECT_EQ(message, std::string(40, message[0]));
    EXPECT_EQ(end - at, 55u) << "8 of time, 5 of level, 2 spaces, 40 of message";
    at = end + 1;
  }
  EXPECT_EQ(lines, 800u);
}

}  // namespace
}  // namespace atelier
