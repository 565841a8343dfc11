#include "app/roofline_svg.h"

#include <gtest/gtest.h>

#include <cmath>

namespace atelier::app {
namespace {

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST(RooflineSvg, ShowsEveryPointAndRoofOnce) {
  const Roofline roofline = {
      .title = "a < b & c",
      .levels = {{"L1", 4e11}, {"memory", 2e10}},
      .units = {{"int8 amx", 7e12}, {"f32 avx2", 1e11}},
      .points = {
          {"Q4_0", "1 row", 3.5, 7e10}, {"Q4_0", "512 rows", 500, 1e12}, {"Q8_0", "512 rows", 501, 1e12}}};
  const std::string svg = roofline_svg(roofline);
  EXPECT_NE(svg.find("a &lt; b &amp; c"), std::string::npos);
  EXPECT_EQ(count(svg, "<title>"), 3u);
  EXPECT_EQ(count(svg, "<circle"), 3u + 2u);  // and one for each series in the legend
  EXPECT_EQ(count(svg, ">Q4_0</text>"), 2u);
  EXPECT_EQ(count(svg, ">Q8_0</text>"), 1u);
  EXPECT_EQ(count(svg, "int8 amx, 7.00 TOP/s"), 1u);
  EXPECT_EQ(count(svg, "memory, 20 GB/s"), 1u);
  EXPECT_EQ(count(svg, "<svg"), count(svg, "</svg>"));
  EXPECT_EQ(count(svg, "nan") + count(svg, "inf"), 0u);
}

TEST(RooflineSvg, LeavesOutWhatIsNotAboveZero) {
  const std::string svg = roofline_svg({.title = "empty",
                                        .levels = {{"L1", 0}},
                                        .units = {{"int8", 0}},
                                        .points = {{"Q4_0", "1 row", 0, 1e9}, {"Q4_1", "1 row", 1, 0}}});
  EXPECT_EQ(count(svg, "<circle"), 0u);
  EXPECT_EQ(count(svg, "nan") + count(svg, "inf"), 0u);
}

}  // namespace
}  // namespace atelier::app
