#include "formats/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

namespace atelier::formats {
namespace {

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> out;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view text(*one);
    const std::string_view name = text.substr(0, text.find('='));
    bool replaced = false;
    for (const auto& [key, value] : added) replaced |= key == name;
    if (!replaced) out.emplace_back(text);
  }
  for (const auto& [key, value] : added) out.push_back(key + "=" + value);
  return out;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Result<ChildProcess> ChildProcess::start(const std::vector<std::string>& argv, const Options& options) {
  if (argv.empty()) return fail(Fault::kBadRequest, "no program to start");
  std::vector<std::string> arguments = argv, environment = environment_with(options.environment);
  const std::vector<char*> argument_list = pointers_to(arguments),
                           environment_list = pointers_to(environment);
  const int output = ::open(options.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (output < 0)
    return fail(Fault::kIo, "cannot write {}: {}", options.output.string(), std::strerror(errno));
  int report[2];  // the child says here why it could not become the program; closed by exec where it could
  if (::pipe2(report, O_CLOEXEC) != 0) {
    ::close(output);
    return fail(Fault::kIo, "cannot make a pipe: {}", std::strerror(errno));
  }
  const pid_t pid = ::fork();
  if (pid == 0) {  // between fork and exec only what is safe after a signal
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, 0);
    ::dup2(output, 1);
    ::dup2(output, 2);
    ::execvpe(argument_list[0], argument_list.data(), environment_list.data());
    const int why = errno;
    [[maybe_unused]] const ssize_t told = ::write(report[1], &why, sizeof why);
    ::_exit(127);
  }
  const int fork_error = errno;
  ::close(output);
  ::close(report[1]);
  int why = 0;
  const bool failed = pid > 0 && ::read(report[0], &why, sizeof why) == sizeof why;
  ::close(report[0]);
  if (pid < 0) return fail(Fault::kIo, "cannot start {}: {}", argv[0], std::strerror(fork_error));
  ChildProcess child(pid);
  if (failed) {
    return fail(why == ENOENT ? Fault::kNotFound : Fault::kIo, "cannot start {}: {}", argv[0],
                std::strerror(why));
  }
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<int> ChildProcess::poll() {
  if (pid_ < 0) return status_;
  int status = 0;
  const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return std::nullopt;
  pid_ = -1;
  status_ = ended < 0 ? 127 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

}  // namespace atelier::formats
