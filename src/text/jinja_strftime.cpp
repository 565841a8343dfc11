// datetime.strftime in the C locale, for a naive local time. Ours and not the C library's: no locale, no
// zone.
#include <array>

#include "text/jinja_operations.h"

namespace atelier::text::jinja {

namespace {

constexpr std::array<const char*, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                              "Thursday", "Friday", "Saturday"};
constexpr std::array<const char*, 12> kMonths = {"January",   "February", "March",    "April",
                                                 "May",       "June",     "July",     "August",
                                                 "September", "October",  "November", "December"};

std::int64_t days_from_epoch(std::int64_t year, int month, int day) {  // civil calendar, 1970-01-01 = 0
  year -= month <= 2;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

struct IsoWeek {
  std::int64_t year;
  int week;
};

int iso_weeks_in(std::int64_t year) {
  const auto weekday_of_last_day = [](std::int64_t y) { return (y + y / 4 - y / 100 + y / 400) % 7; };
  return weekday_of_last_day(year) == 4 || weekday_of_last_day(year - 1) == 3 ? 53 : 52;
}

IsoWeek iso_week(const std::tm& time) {
  const std::int64_t year = time.tm_year + 1900;
  const int weekday = (time.tm_wday + 6) % 7 + 1;  // Monday = 1
  const int week = (time.tm_yday + 1 - weekday + 10) / 7;
  if (week < 1) return {year - 1, iso_weeks_in(year - 1)};
  if (week > iso_weeks_in(year)) return {year + 1, 1};
  return {year, week};
}

std::string padded(std::int64_t value, int width, char modifier, char usual_fill) {
  if (modifier == '-') return fmt::format("{}", value);
  const char fill = modifier == '_' ? ' ' : modifier == '0' ? '0' : usual_fill;
  return fill == '0' ? fmt::format("{:0{}}", value, width) : fmt::format("{:{}}", value, width);
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return text;
}

// One directive; nullopt where there is no such letter.
std::optional<std::string> directive(const std::tm& t, char letter, char modifier) {
  const auto number = [modifier](std::int64_t value, int width) {
    return padded(value, width, modifier, '0');
  };
  const auto word = [modifier](std::string text) { return modifier == '^' ? upper(std::move(text)) : text; };
  const std::int64_t year = t.tm_year + 1900;
  const int hour12 = t.tm_hour % 12 == 0 ? 12 : t.tm_hour % 12;
  const std::string day = kDays[static_cast<std::size_t>(t.tm_wday)];
  const std::string month = kMonths[static_cast<std::size_t>(t.tm_mon)];
  switch (letter) {
    case 'Y':
      return number(year, 1);
    case 'C':
      return number(year / 100, 2);
    case 'y':
      return number(year % 100, 2);
    case 'm':
      return number(t.tm_mon + 1, 2);
    case 'd':
      return number(t.tm_mday, 2);
    case 'e':
      return padded(t.tm_mday, 2, modifier, ' ');
    case 'H':
      return number(t.tm_hour, 2);
    case 'I':
      return number(hour12, 2);
    case 'k':
      return padded(t.tm_hour, 2, modifier, ' ');
    case 'l':
      return padded(hour12, 2, modifier, ' ');
    case 'M':
      return number(t.tm_min, 2);
    case 'S':
      return number(t.tm_sec, 2);
    case 'f':
      return "000000";
    case 'j':
      return number(t.tm_yday + 1, 3);
    case 'u':
      return number((t.tm_wday + 6) % 7 + 1, 1);
    case 'w':
      return number(t.tm_wday, 1);
    case 'U':
      return number((t.tm_yday + 7 - t.tm_wday) / 7, 2);
    case 'W':
      return number((t.tm_yday + 7 - (t.tm_wday + 6) % 7) / 7, 2);
    case 'V':
      return number(iso_week(t).week, 2);
    case 'G':
      return number(iso_week(t).year, 1);
    case 'g':
      return number(iso_week(t).year % 100, 2);
    case 's':
      return number(days_from_epoch(year, t.tm_mon + 1, t.tm_mday) * 86400 + t.tm_hour * 3600 +
                        t.tm_min * 60 + t.tm_sec,
                    1);
    case 'A':
      return word(day);
    case 'a':
      return word(day.substr(0, 3));
    case 'B':
      return word(month);
    case 'b':
    case 'h':
      return word(month.substr(0, 3));
    case 'p':
      return t.tm_hour < 12 ? "AM" : "PM";
    case 'P':
      return t.tm_hour < 12 ? "am" : "pm";
    case 'n':
      return "\n";
    case 't':
      return "\t";
    case '%':
      return "%";
    case 'z':
    case 'Z':
      return "";  // a naive time has no zone
    default:
      return std::nullopt;
  }
}

const char* composite(char letter) {
  switch (letter) {
    case 'c':
      return "%a %b %e %H:%M:%S %Y";
    case 'x':
    case 'D':
      return "%m/%d/%y";
    case 'X':
    case 'T':
      return "%H:%M:%S";
    case 'F':
      return "%Y-%m-%d";
    case 'R':
      return "%H:%M";
    case 'r':
      return "%I:%M:%S %p";
    default:
      return nullptr;
  }
}

}  // namespace

std::string strftime(Runtime& runtime, std::string_view format) {
  const std::tm& time = runtime.now();
  runtime.work(format.size());
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    std::size_t at = i + 1;
    char modifier = 0;
    if (at < format.size() && std::string_view("-_0^").find(format[at]) != std::string_view::npos) {
      modifier = format[at++];
    }
    if (at == format.size()) {
      out += format.substr(i);
      break;
    }
    if (const char* longer = composite(format[at])) {
      out += modifier == '^' ? upper(strftime(runtime, longer)) : strftime(runtime, longer);
    } else if (const auto text = directive(time, format[at], modifier)) {
      out += *text;
    } else {
      out += format.substr(i, at + 1 - i);  // as it stands
    }
    runtime.step(4);
    runtime.check_text_size(out.size());
    i = at;
  }
  return out;
}

}  // namespace atelier::text::jinja
