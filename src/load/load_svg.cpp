#include "load/load_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/xml_text.h"
#include "load/summary.h"

namespace atelier::load {
namespace {

constexpr double kWidth = 960, kHeight = 640;
constexpr const char* kBlue = "#0b6bcb";
constexpr const char* kRust = "#b4480f";

// The least of 1, 2, 5, 10, 20, ... that is not below `value`.
double round_up(double value) {
  if (!(value > 0)) return 1;
  const double decade = std::pow(10, std::floor(std::log10(value)));
  for (const double step : {1.0, 2.0, 5.0}) {
    if (step * decade >= value) return step * decade;
  }
  return 10 * decade;
}

struct Point {
  double x, y;
};

// One diagram in its box of the picture; both axes begin at 0.
class Panel {
 public:
  Panel(std::string& out, Point corner, Point most, std::string_view title, std::string_view x_name)
      : out_(out), corner_(corner), most_{round_up(most.x), round_up(most.y)} {
    put("<text x=\"{:.0f}\" y=\"{:.0f}\" font-size=\"14\">{}</text>\n", corner.x, corner.y - 12,
        xml_text(title));
    for (int i = 0; i <= 5; ++i) {
      const double share = i / 5.0, x = corner.x + share * kPanelWidth,
                   y = corner.y + (1 - share) * kPanelHeight;
      put("<path d=\"M{0:.0f} {1:.1f}h{2:.0f}M{3:.1f} {4:.0f}v{5:.0f}\" stroke=\"#d8dee4\"/>\n", corner.x, y,
          kPanelWidth, x, corner.y, kPanelHeight);
      put("<text x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\" fill=\"#57606a\">{:g}</text>\n", corner.x - 6,
          y + 4, share * most_.y);
      put("<text x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"middle\" fill=\"#57606a\">{:g}</text>\n", x,
          corner.y + kPanelHeight + 16, share * most_.x);
    }
    put("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\" fill=\"#57606a\">{}</text>\n",
        corner.x + kPanelWidth / 2, corner.y + kPanelHeight + 34, xml_text(x_name));
  }

  void line(const std::vector<Point>& points, const char* colour) {
    if (points.empty()) return;
    put("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\" points=\"", colour);
    for (const Point& point : points) {
      put("{:.1f},{:.1f} ", corner_.x + point.x / most_.x * kPanelWidth,
          corner_.y + (1 - point.y / most_.y) * kPanelHeight);
    }
    put("\"/>\n");
  }

  static constexpr double kPanelWidth = 380, kPanelHeight = 200;

 private:
  template <class... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  std::string& out_;
  const Point corner_, most_;
};

void draw_seconds(std::string& out, Point corner, const std::vector<double>& values, std::string_view title,
                  const char* colour) {
  double most = 0;
  std::vector<Point> points;
  for (std::size_t i = 0; i < values.size(); ++i) {
    points.push_back({static_cast<double>(i), values[i]});
    most = std::max(most, values[i]);
  }
  Panel panel(out, corner, {static_cast<double>(values.size()), most}, title,
              "seconds since the first request");
  panel.line(points, colour);
}

// Which share of `seconds` is at most how long; at most 400 points.
void draw_shares(std::string& out, Point corner, std::vector<double> seconds, std::string_view title,
                 const char* colour) {
  std::ranges::sort(seconds);
  std::vector<Point> points;
  const std::size_t stride = seconds.size() / 400 + 1;
  for (std::size_t i = 0; i < seconds.size(); i += stride) {
    points.push_back(
        {seconds[i] * 1000, static_cast<double>(i + 1) * 100 / static_cast<double>(seconds.size())});
  }
  if (!seconds.empty()) points.push_back({seconds.back() * 1000, 100});
  Panel panel(out, corner, {seconds.empty() ? 1 : seconds.back() * 1000, 100}, title, "milliseconds");
  panel.line(points, colour);
}

}  // namespace

std::string load_svg(const std::string& title, const std::vector<Answer>& answers) {
  std::vector<double> ttfts, itls;
  for (const Answer& answer : answers) {
    if (!answer.success) continue;
    ttfts.push_back(answer.ttft_s);
    itls.insert(itls.end(), answer.itl_s.begin(), answer.itl_s.end());
  }
  const Timeline timeline = timeline_of(answers);
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" "
      "font-family=\"system-ui, sans-serif\" font-size=\"11\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
      "<text x=\"70\" y=\"34\" font-size=\"18\">{}</text>\n",
      kWidth, kHeight, xml_text(title));
  draw_seconds(out, {70, 90}, timeline.tokens, "Output tokens per second", kBlue);
  draw_seconds(out, {540, 90}, timeline.requests, "Requests under way", kBlue);
  draw_shares(out, {70, 380}, std::move(ttfts), "Time to first token: % of requests at most", kRust);
  draw_shares(out, {540, 380}, std::move(itls), "Between pieces of text: % at most", kRust);
  return out + "</svg>\n";
}

}  // namespace atelier::load
