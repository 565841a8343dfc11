#include "config/config_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <exception>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/mapped_file.h"

namespace atelier::config {
namespace {

constexpr std::size_t kMaxFileBytes = 256u << 10;
constexpr int kMaxDepth = 16, kMaxNodes = 10'000;  // aliases count each time they are met

template <class... Args>
std::unexpected<Failure> refuse(fmt::format_string<Args...> format, Args&&... args) {
  return fail_param(Fault::kBadRequest, "--config",
                    "--config: " + fmt::format(format, std::forward<Args>(args)...));
}

// Turns nodes into JSON; counts them, so that aliases of aliases end.
class Reader {
 public:
  Result<boost::json::value> json(const YAML::Node& node, int depth = 0) {
    if (depth > kMaxDepth) return refuse("values are nested deeper than {}", kMaxDepth);
    if (++nodes_ > kMaxNodes) return refuse("the file holds more than {} values", kMaxNodes);
    if (node.IsSequence()) return list(node, depth);
    if (node.IsMap()) return mapping(node, depth);
    if (!node.IsScalar()) return boost::json::value(nullptr);
    // what JSON reads as a number or a truth is one; all else is text
    const std::string& text = node.Scalar();
    const bool quoted = node.Tag() == "!";
    if (!quoted) {
      if (auto value = parse_json(text); value && !value->is_structured()) return std::move(*value);
    }
    return boost::json::value(text);
  }

 private:
  Result<boost::json::value> list(const YAML::Node& node, int depth) {
    boost::json::array out;
    for (const YAML::Node& one : node) {
      ATELIER_TRY(boost::json::value value, json(one, depth + 1));
      out.push_back(std::move(value));
    }
    return boost::json::value(std::move(out));
  }

  Result<boost::json::value> mapping(const YAML::Node& node, int depth) {
    boost::json::object out;
    for (const auto& member : node) {
      if (!member.first.IsScalar()) return refuse("a key is no plain text");
      ATELIER_TRY(out[member.first.Scalar()], json(member.second, depth + 1));
    }
    return boost::json::value(std::move(out));
  }

  int nodes_ = 0;
};

Result<std::vector<std::string>> values_of(const Flag& flag, const YAML::Node& node, Reader& reader) {
  std::vector<std::string> values;
  if (node.IsScalar()) {
    values.push_back(node.Scalar());
  } else if (node.IsSequence() && flag.many && flag.form != Form::kJsonList) {
    for (const YAML::Node& one : node) {
      ATELIER_TRY(const boost::json::value json, reader.json(one));
      values.push_back(one.IsScalar() ? one.Scalar() : boost::json::serialize(json));
    }
  } else {
    ATELIER_TRY(const boost::json::value json, reader.json(node));
    values.push_back(boost::json::serialize(json));
  }
  return values;
}

Status read(const YAML::Node& root, Settings& settings) {
  if (root.IsNull()) return {};  // an empty file
  if (!root.IsMap()) return refuse("the file must hold lines like \"max-model-len: 4096\"");
  Reader reader;
  std::set<std::string, std::less<>> seen;
  for (const auto& member : root) {
    const YAML::Node& node = member.second;
    if (!member.first.IsScalar()) return refuse("a key is no plain text");
    std::string name = member.first.Scalar();
    std::ranges::replace(name, '_', '-');
    const Flag* flag = find_flag(name);
    if (flag == nullptr) {
      return refuse("there is no flag \"{}\"; the nearest is \"{}\"", name.substr(0, 60), nearest_flag(name));
    }
    if (!seen.insert(name).second) return refuse("\"{}\" is set twice", name);
    if (node.IsNull()) continue;  // "api-key:" with nothing behind it
    ATELIER_TRY(std::vector<std::string> values, values_of(*flag, node, reader));
    ATELIER_TRY_STATUS(settings.set(*flag, std::move(values)));
  }
  return {};
}

}  // namespace

Status read_config_text(std::string_view yaml, Settings& settings) {
  if (yaml.size() > kMaxFileBytes) {
    return refuse("the file has {} bytes; {} can be", yaml.size(), kMaxFileBytes);
  }
  try {  // the library's exceptions end here
    return read(YAML::Load(std::string(yaml)), settings);
  } catch (const std::exception& error) {
    return refuse("{}", error.what());
  }
}

Status read_config_file(const std::filesystem::path& path, Settings& settings) {
  const auto file = MappedFile::open(path);
  if (!file) return refuse("{}", file.error().message);
  const auto bytes = file->bytes();
  return read_config_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, settings);
}

}  // namespace atelier::config
