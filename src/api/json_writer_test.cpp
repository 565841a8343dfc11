#include "api/json_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/json.h"

namespace atelier::api {
namespace {

std::string in_quotes(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonString, EscapesWhatMustBe) {
  EXPECT_EQ(in_quotes("a\"b\\c\n\r\t"), R"("a\"b\\c\n\r\t")");
  EXPECT_EQ(in_quotes(std::string_view("\0\x01\x1f\x7f", 4)), "\"\\u0000\\u0001\\u001f\\u007f\"");
  EXPECT_EQ(in_quotes("中文 🙂 é"), "\"中文 🙂 é\"");
}

TEST(JsonString, ReplacesWhatIsNotUtf8) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(in_quotes("\xff"), "\"" + bad + "\"");
  EXPECT_EQ(in_quotes("a\xC0\xAF"), "\"a" + bad + bad + "\"");          // overlong
  EXPECT_EQ(in_quotes("\xED\xA0\x80"), "\"" + bad + bad + bad + "\"");  // a surrogate
  EXPECT_EQ(in_quotes("\xF0\x9F\x99"), "\"" + bad + bad + bad + "\"");  // half an emoji
  EXPECT_EQ(in_quotes("\xF4\x90\x80\x80").size(), 2 + 4 * bad.size());  // past U+10FFFF
}

TEST(JsonString, AnyBytesAreReadBack) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text(random() % 20, ' ');
    for (char& c : text) c = static_cast<char>(random());
    const auto read = parse_json(in_quotes(text));
    ASSERT_TRUE(read) << in_quotes(text);
    ASSERT_TRUE(read->is_string());
  }
}

TEST(JsonWriter, WritesWhatItIsTold) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("a", 1).key("b").begin_array();
  json.number(0.5).number(-1.25f).boolean(true).null().begin_object().end_object().end_array();
  json.member("c", "d").end_object();
  EXPECT_EQ(out, R"({"a":1,"b":[0.5,-1.25,true,null,{}],"c":"d"})");
}

TEST(JsonWriter, NumbersThatJsonCannotSayBecomeNull) {
  std::string out;
  JsonWriter json(out);
  json.begin_array().number(std::nan("")).number(std::numeric_limits<double>::infinity());
  json.number(-std::numeric_limits<float>::infinity()).number(1e308).number(-0.0f).end_array();
  ASSERT_TRUE(parse_json(out)) << out;
  EXPECT_TRUE(out.starts_with("[null,null,null,")) << out;
}

}  // namespace
}  // namespace atelier::api
