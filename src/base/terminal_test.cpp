#include "base/terminal.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/progress_bar.h"
#include "base/table.h"

namespace atelier {
namespace {

TEST(Terminal, BytesInDecimalUnits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1000), "1.0 kB");
  EXPECT_EQ(format_bytes(491400064), "491.4 MB");
  EXPECT_EQ(format_bytes(999'999'999), "1.0 GB");
}

TEST(Terminal, WideLettersTakeTwoColumnsAndColoursNone) {
  EXPECT_EQ(display_columns("abc"), 3);
  EXPECT_EQ(display_columns("通义"), 4);
  EXPECT_EQ(display_columns("\x1b[31mred\x1b[0m"), 3);
  EXPECT_EQ(display_columns("e\xCC\x81"), 1);
  EXPECT_EQ(display_columns("cut short \xE9\x80"), 11);  // never reads past the end
}

TEST(Terminal, NoColourOnAPipe) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  EXPECT_FALSE(wants_colour(file));
  EXPECT_EQ(paint("x", Colour::kRed, file), "x");
  EXPECT_EQ(terminal_columns(file), 80);
  std::fclose(file);
}

TEST(Table, LinesUpColumns) {
  Table table({{"name"}, {"size", Table::Align::kRight}, {"here"}});
  table.add({"qwen", "491.4 MB", "yes"});
  table.add({"通义千问模型", "1 B"});
  EXPECT_EQ(table.text(),
            "name              size  here\n"
            "qwen          491.4 MB  yes\n"
            "通义千问模型       1 B\n");
}

TEST(ProgressBar, LineTellsShareAmountRateAndTimeLeft) {
  const ProgressBar::State state{"model", 250'000'000, 500'000'000, 12'500'000,
                                 ProgressBar::State::Bar::kAscii};
  EXPECT_EQ(ProgressBar::line(state, 80), "model  " + std::string(11, '#') + std::string(12, '.') +
                                              "   50%  250.0 MB of 500.0 MB  12.5 MB/s  20 s left");
  EXPECT_LE(display_columns(ProgressBar::line(state, 40)), 40);
  const ProgressBar::State unknown{"model", 1'000'000, 0, 0, ProgressBar::State::Bar::kAscii};
  EXPECT_EQ(ProgressBar::line(unknown, 80), "model  1.0 MB");
  const ProgressBar::State counted{"load", 12, 64, 2.5, ProgressBar::State::Bar::kNone, "requests"};
  EXPECT_EQ(ProgressBar::line(counted, 80), "load   18%  12 of 64  2.5 requests/s  21 s left");
  const ProgressBar::State slow{"m", 1, 8'000'000'000, 1'000'000, ProgressBar::State::Bar::kNone};
  EXPECT_NE(ProgressBar::line(slow, 80).find("2 h 13 min left"), std::string::npos);
}

TEST(ProgressBar, PipeGetsPlainLinesOnly) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  {
    ProgressBar bar("model", 100, file);
    for (int i = 0; i <= 100; ++i) bar.set(i);
    bar.finish();
  }
  std::rewind(file);
  char text[512];
  const std::size_t length = std::fread(text, 1, sizeof text, file);
  std::fclose(file);
  const std::string written(text, length);
  EXPECT_EQ(written.find('\r'), std::string::npos);
  EXPECT_EQ(written.find('\x1b'), std::string::npos);
  EXPECT_NE(written.find("100%"), std::string::npos);
  EXPECT_EQ(std::count(written.begin(), written.end(), '\n'), 1);
}

}  // namespace
}  // namespace atelier
