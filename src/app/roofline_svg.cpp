#include "app/roofline_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/xml_text.h"

namespace atelier::app {
namespace {

// Pixels. The plot's box, with room for the unit roofs' names at its right.
constexpr double kWidth = 1400, kHeight = 900, kLeft = 80, kRight = 1170, kTop = 70, kBottom = 830;
constexpr double kLetter = 6.3, kLine = 13;  // of the labels' 11 px sans-serif
const char* const kSeriesColours[] = {"#0b6bcb", "#b4480f", "#1a7f37", "#8250df", "#9a6700", "#57606a"};

struct Box {
  double left, top, right, bottom;
  bool meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

// Powers of ten on one axis and the pixels they stand at.
struct Axis {
  double least, most;  // log10
  double from, to;     // pixels
  double at(double value) const { return from + (std::log10(value) - least) / (most - least) * (to - from); }
  double pixels_per_decade() const { return (to - from) / (most - least); }
};

std::string rate_text(double per_s, const char* what) {
  return per_s >= 1e12 ? fmt::format("{:.2f} T{}/s", per_s / 1e12, what)
                       : fmt::format("{:.{}f} G{}/s", per_s / 1e9, per_s < 1e10 ? 1 : 0, what);
}

class Picture {
 public:
  explicit Picture(const Roofline& roofline) : roofline_(roofline) { choose_axes(); }

  std::string draw() {
    put("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" "
        "font-family=\"system-ui, sans-serif\" font-size=\"11\">\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
        // A white rim, so that a name that stands on a line can be read.
        "<style>.name{{paint-order:stroke;stroke:#ffffff;stroke-width:3px}}</style>\n"
        "<text x=\"{:.0f}\" y=\"36\" font-size=\"18\" fill=\"#1f2328\">{}</text>\n",
        kWidth, kHeight, kLeft, xml_text(roofline_.title));
    draw_grid();
    draw_levels();
    draw_units();
    draw_points();
    draw_legend();
    put("</svg>\n");
    return std::move(out_);
  }

 private:
  template <class... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  // Whole decades around everything that is drawn; the roofs reach half a decade past the fastest unit.
  void choose_axes() {
    double least_x = 0.5, most_x = 1000, least_y = 1e10, most_y = 1e11;
    for (const Roofline::Point& point : roofline_.points) {
      if (point.operations_per_byte <= 0 || point.operations_per_s <= 0) continue;
      least_x = std::min(least_x, point.operations_per_byte);
      most_x = std::max(most_x, point.operations_per_byte);
      least_y = std::min(least_y, point.operations_per_s);
      most_y = std::max(most_y, point.operations_per_s);
    }
    for (const Roofline::Roof& unit : roofline_.units) most_y = std::max(most_y, unit.per_s);
    x_ = {std::log10(least_x) - 0.2, std::log10(most_x) + 0.4, kLeft, kRight};
    y_ = {std::log10(least_y) - 0.3, std::log10(most_y) + 0.2, kBottom, kTop};
  }

  void draw_grid() {
    for (double decade = std::ceil(x_.least); decade <= x_.most; ++decade) {
      const double x = x_.at(std::pow(10, decade));
      put("<path d=\"M{0:.1f} {1:.0f}V{2:.0f}\" stroke=\"#d8dee4\"/>"
          "<text x=\"{0:.1f}\" y=\"{3:.0f}\" text-anchor=\"middle\" fill=\"#57606a\">{4:g}</text>\n",
          x, kTop, kBottom, kBottom + 18, std::pow(10, decade));
    }
    for (double decade = std::ceil(y_.least); decade <= y_.most; ++decade) {
      const double y = y_.at(std::pow(10, decade));
      put("<path d=\"M{1:.0f} {0:.1f}H{2:.0f}\" stroke=\"#d8dee4\"/>"
          "<text x=\"{3:.0f}\" y=\"{4:.1f}\" text-anchor=\"end\" fill=\"#57606a\">{5:g}</text>\n",
          y, kLeft, kRight, kLeft - 8, y + 4, std::pow(10, decade - 12));
    }
    put("<rect x=\"{:.0f}\" y=\"{:.0f}\" width=\"{:.0f}\" height=\"{:.0f}\" fill=\"none\" "
        "stroke=\"#8c959f\"/>\n",
        kLeft, kTop, kRight - kLeft, kBottom - kTop);
    put("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\" font-size=\"13\" fill=\"#1f2328\">"
        "operations per byte moved</text>\n",
        (kLeft + kRight) / 2, kBottom + 44);
    put("<text transform=\"translate(24 {:.0f}) rotate(-90)\" text-anchor=\"middle\" font-size=\"13\" "
        "fill=\"#1f2328\">10¹² operations per second</text>\n",
        (kTop + kBottom) / 2);
  }

  // From the box's edge up to the fastest unit; the name runs along the line.
  void draw_levels() {
    double most = 0;
    for (const Roofline::Roof& unit : roofline_.units) most = std::max(most, unit.per_s);
    if (most <= 0) most = std::pow(10, y_.most);
    const double slope = std::atan2(y_.pixels_per_decade(), x_.pixels_per_decade()) * 180 / std::acos(-1.0);
    double along = 0.04;  // names of lines that all but meet stand one behind the other
    for (const Roofline::Roof& level : roofline_.levels) {
      if (level.per_s <= 0) continue;
      const double begin = std::max(std::pow(10, x_.least), std::pow(10, y_.least) / level.per_s);
      const double end = std::min(most / level.per_s, std::pow(10, x_.most));
      if (begin >= end) continue;
      put("<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\" stroke=\"#6e7781\" stroke-width=\"1.1\"/>\n",
          x_.at(begin), y_.at(begin * level.per_s), x_.at(end), y_.at(end * level.per_s));
      const double named = begin * std::pow(end / begin, along);
      along += 0.14;
      put("<text class=\"name\" transform=\"translate({:.1f} {:.1f}) rotate({:.1f})\" dy=\"-5\" "
          "fill=\"#57606a\">"
          "{}, {}</text>\n",
          x_.at(named), y_.at(named * level.per_s), slope, xml_text(level.name), rate_text(level.per_s, "B"));
    }
  }

  // From where the nearest memory could feed the unit; names at the right, moved apart where roofs are close.
  void draw_units() {
    double nearest = 0;
    for (const Roofline::Roof& level : roofline_.levels) nearest = std::max(nearest, level.per_s);
    std::vector<Roofline::Roof> units = roofline_.units;
    std::erase_if(units, [](const Roofline::Roof& unit) { return unit.per_s <= 0; });
    std::ranges::sort(units, std::greater(), &Roofline::Roof::per_s);
    double free_from = 0;
    for (const Roofline::Roof& unit : units) {
      const double y = y_.at(unit.per_s);
      const double begin = nearest > 0 ? std::max(unit.per_s / nearest, std::pow(10, x_.least)) : 1.0;
      const double named = std::max(y, free_from);
      free_from = named + kLine;
      put("<path d=\"M{:.1f} {:.1f}H{:.0f}L{:.0f} {:.1f}\" fill=\"none\" stroke=\"#6e7781\" "
          "stroke-width=\"1.1\"/>",
          std::min(x_.at(begin), kRight), y, kRight, kRight + 14, named);
      put("<text x=\"{:.0f}\" y=\"{:.1f}\" fill=\"#1f2328\">{}, {}</text>\n", kRight + 18, named + 4,
          xml_text(unit.name), rate_text(unit.per_s, "OP"));
    }
  }

  void draw_points() {
    std::vector<Box> taken;
    std::vector<const Roofline::Point*> shown;
    for (const Roofline::Point& point : roofline_.points) {
      if (point.operations_per_byte <= 0 || point.operations_per_s <= 0) continue;
      shown.push_back(&point);
      const double x = x_.at(point.operations_per_byte), y = y_.at(point.operations_per_s);
      taken.push_back({x - 4, y - 4, x + 4, y + 4});
    }
    for (const Roofline::Point* point : shown) draw_point(*point, taken);
  }

  // The label stands beside its point, or further off on a thin line where others were there first.
  void draw_point(const Roofline::Point& point, std::vector<Box>& taken) {
    const double x = x_.at(point.operations_per_byte), y = y_.at(point.operations_per_s);
    const double width = kLetter * static_cast<double>(point.label.size());
    Box box{};
    const auto free_at = [&](double left, double middle) {
      box = {left, middle - kLine / 2, left + width, middle + kLine / 2};
      return box.right < kRight && box.left > kLeft && box.top > kTop && box.bottom < kBottom &&
             std::ranges::none_of(taken, [&](const Box& other) { return box.meets(other); });
    };
    const auto found = [&] {
      for (double away = 0; away < 16; ++away) {
        for (const double side : {1.0, -1.0}) {
          for (const double up : {0.0, -1.0, 1.0}) {
            const double gap = 7 + away * 7;
            if (free_at(side > 0 ? x + gap : x - gap - width, y + up * away * 9)) return true;
          }
        }
      }
      return false;
    }();
    const char* colour = colour_of(point.series);
    put("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" fill=\"{}\"><title>{} {}: {}</title></circle>", x, y,
        colour, xml_text(point.label), xml_text(point.series), rate_text(point.operations_per_s, "OP"));
    if (found) {
      taken.push_back(box);
      const double end = box.left > x ? box.left - 1 : box.right + 1, middle = (box.top + box.bottom) / 2;
      if (std::hypot(end - x, middle - y) > 10) {
        put("<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\" stroke=\"{}\" stroke-width=\"0.5\"/>", x, y, end,
            middle, colour);
      }
      put("<text class=\"name\" x=\"{:.1f}\" y=\"{:.1f}\" fill=\"{}\">{}</text>", box.left, middle + 4,
          colour, xml_text(point.label));
    }
    put("\n");
  }

  // At the box's lower right, where no kernel can be: there everything would be slow at high intensity.
  void draw_legend() {
    double y = kBottom - kLine * static_cast<double>(series_.size());
    for (const std::string& series : series_) {
      put("<circle cx=\"{:.0f}\" cy=\"{:.1f}\" r=\"3.5\" fill=\"{}\"/>"
          "<text x=\"{:.0f}\" y=\"{:.1f}\" fill=\"#1f2328\">{}</text>\n",
          kRight - 190, y - 4, colour_of(series), kRight - 180, y, xml_text(series));
      y += kLine;
    }
  }

  const char* colour_of(const std::string& series) {
    auto found = std::ranges::find(series_, series);
    if (found == series_.end()) found = series_.insert(series_.end(), series);
    const auto index = static_cast<std::size_t>(std::distance(series_.begin(), found));
    return kSeriesColours[index % std::size(kSeriesColours)];
  }

  const Roofline& roofline_;
  Axis x_{}, y_{};
  std::vector<std::string> series_;
  std::string out_;
};

}  // namespace

std::string roofline_svg(const Roofline& roofline) {
  return Picture(roofline).draw();
}

}  // namespace atelier::app
