#include "load/answer.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <utility>

#include "base/json.h"

namespace atelier::load {
namespace {

namespace json = boost::json;
constexpr std::size_t kMaxRefusalBytes = 4096;

double seconds(client::Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string_view text_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  const json::string* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr ? std::string_view(*text) : std::string_view();
}

std::int64_t count_at(const json::object& usage, std::string_view key) {
  const json::value* value = usage.if_contains(key);
  const std::int64_t* count = value != nullptr ? value->if_int64() : nullptr;
  return count != nullptr ? *count : -1;
}

// "text" of a completion's choice, "content" (or what a reasoning model says first) of a chat's delta.
std::string_view piece_of(const json::object& choice) {
  if (const std::string_view text = text_at(choice, "text"); !text.empty()) return text;
  const json::value* delta = choice.if_contains("delta");
  if (delta == nullptr || !delta->is_object()) return {};
  for (const char* key : {"content", "reasoning_content", "reasoning"}) {
    if (const std::string_view text = text_at(delta->get_object(), key); !text.empty()) return text;
  }
  return {};
}

// The message of an error body, or what there is of it.
std::string error_text(const json::value& error) {
  if (error.is_string()) return std::string(error.get_string());
  if (error.is_object()) return std::string(text_at(error.get_object(), "message"));
  return "an error without a message";
}

}  // namespace

AnswerReader::AnswerReader(const Terms& terms) : terms_(terms), last_(start_) {
  answer_.start_s = seconds(start_ - terms.run_begin);
  answer_.input_tokens = terms.input_tokens;
}

void AnswerReader::feed(int status, std::string_view bytes, client::Clock::time_point now) {
  if (status == 200) return lines_.feed(bytes, [&](std::string_view data) { read_event(data, now); });
  refusal_.append(bytes.substr(0, kMaxRefusalBytes - std::min(kMaxRefusalBytes, refusal_.size())));
}

void AnswerReader::read_event(std::string_view data, client::Clock::time_point now) {
  if (data == "[DONE]") {
    finished_ = true;
  } else {
    read_chunk(data, now);
  }
}

void AnswerReader::read_chunk(std::string_view data, client::Clock::time_point now) {
  const auto chunk = parse_json(data);
  if (!chunk || !chunk->is_object()) {
    if (answer_.error.empty()) answer_.error = "a chunk is no JSON object";
    return;
  }
  const json::object& object = chunk->get_object();
  if (const json::value* error = object.if_contains("error")) answer_.error = error_text(*error);
  if (const json::value* usage = object.if_contains("usage"); usage != nullptr && usage->is_object()) {
    const std::int64_t in = count_at(usage->get_object(), "prompt_tokens");
    const std::int64_t out = count_at(usage->get_object(), "completion_tokens");
    if (in >= 0) answer_.input_tokens = in;
    if (out >= 0) answer_.output_tokens = out;
    answer_.counted_by_server = answer_.counted_by_server || out >= 0;
  }
  const json::value* choices = object.if_contains("choices");
  if (choices == nullptr || !choices->is_array()) return;
  for (const json::value& choice : choices->get_array()) {
    if (!choice.is_object()) continue;
    if (const std::string_view text = piece_of(choice.get_object()); !text.empty()) note_piece(text, now);
    if (!text_at(choice.get_object(), "finish_reason").empty()) {
      finished_ = true;
      last_ = now;
    }
  }
}

void AnswerReader::note_piece(std::string_view text, client::Clock::time_point now) {
  if (pieces_++ == 0) {
    answer_.ttft_s = seconds(now - start_);
  } else {
    answer_.itl_s.push_back(seconds(now - last_));
  }
  last_ = now;
  if (terms_.keep_text) answer_.text += text;
}

Answer AnswerReader::end(const client::Outcome& outcome, client::Clock::time_point now) {
  if (last_ == start_) last_ = now;
  answer_.latency_s = seconds(last_ - start_);
  if (pieces_ == 0) answer_.ttft_s = answer_.latency_s;  // its tokens were no text
  if (!answer_.counted_by_server) answer_.output_tokens = pieces_;
  if (!outcome.broken.empty()) {
    answer_.error = outcome.broken;
  } else if (outcome.status != 200) {
    const auto body = parse_json(refusal_);
    const json::value* error = body && body->is_object() ? body->get_object().if_contains("error") : nullptr;
    answer_.error =
        fmt::format("HTTP {}: {}", outcome.status, error != nullptr ? error_text(*error) : refusal_);
  } else if (!finished_ && answer_.error.empty()) {
    answer_.error = "the stream ended without a finish_reason";
  }
  answer_.success = answer_.error.empty();
  return std::move(answer_);
}

}  // namespace atelier::load
