#include "child_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace integration {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

struct pipe_ends {
    int reading = -1;
    int writing = -1;
};

pipe_ends make_pipe()
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "pipe");
    }
    return {ends[0], ends[1]};
}

void close_once(int& descriptor)
{
    if (descriptor >= 0) {
        ::close(descriptor);
        descriptor = -1;
    }
}

/// Appends what a pipe holds; false at its end.
bool drain(int descriptor, std::string& into)
{
    char room[65536];
    const ssize_t count = ::read(descriptor, room, sizeof room);
    if (count > 0) {
        into.append(room, static_cast<std::size_t>(count));
    }
    return count > 0 || (count < 0 && errno == EINTR);
}

int milliseconds_until(steady::time_point until)
{
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady::now());
    return left > 0ms ? static_cast<int>(left.count()) : 0;
}

}  // namespace

child_process::child_process(const std::vector<std::string>& command, setup with)
{
    std::vector<char*> arguments;
    for (const std::string& word : command) {
        arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);
    const pipe_ends in = make_pipe();
    const pipe_ends out = make_pipe();
    const pipe_ends err = make_pipe();
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);

    id_ = ::fork();
    if (id_ == 0) {  // other threads may hold locks: nothing but system calls from here on
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::setpgid(0, 0);
        ::dup2(in.reading, 0);
        ::dup2(with.output_goes_nowhere ? nowhere : out.writing, 1);
        ::dup2(err.writing, 2);
        const auto kept = static_cast<unsigned>(with.kept.value_or(2));
        if (kept > 3) {
            ::close_range(3, kept - 1, 0);  // what we were given by whoever started us
        }
        ::close_range(kept + 1, ~0u, 0);
        if (with.most_descriptors) {
            const rlimit most{*with.most_descriptors, *with.most_descriptors};
            ::setrlimit(RLIMIT_NOFILE, &most);
        }
        ::signal(SIGPIPE, SIG_DFL);
        ::execvp(arguments[0], arguments.data());
        ::_exit(127);
    }
    ::setpgid(id_, id_);  // whichever of the two comes first
    ::close(in.reading);
    ::close(out.writing);
    ::close(err.writing);
    ::close(nowhere);
    ::fcntl(in.writing, F_SETFL, O_NONBLOCK);
    input_ = in.writing;
    output_ = out.reading;
    errors_ = err.reading;
    if (id_ < 0) {
        throw std::system_error(errno, std::generic_category(), "fork");
    }
}

child_process::~child_process()
{
    if (!exit_code()) {
        ::kill(-id_, SIGKILL);  // with what it has started itself
        ::waitpid(id_, nullptr, 0);
    }
    close_once(input_);
    close_once(output_);
    close_once(errors_);
}

void child_process::signal(int number) const
{
    ::kill(id_, number);
}

/// Takes its output meanwhile: many programs stop reading while nobody does.
void child_process::write(const std::string& text)
{
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t count = ::write(input_, text.data() + done, text.size() - done);
        if (count >= 0) {
            done += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN) {
            read_some(steady::now() + 1ms);
        } else {
            throw std::system_error(errno, std::generic_category(), "writing to a program");
        }
    }
}

void child_process::close_input()
{
    close_once(input_);
}

/// Waits for output of either kind; false when both have ended or the time is up.
bool child_process::read_some(steady::time_point until)
{
    pollfd watched[] = {{output_, POLLIN, 0}, {errors_, POLLIN, 0}};  // poll skips those below 0
    if ((output_ < 0 && errors_ < 0) || ::poll(watched, 2, milliseconds_until(until)) <= 0) {
        return false;
    }
    if (watched[0].revents != 0 && !drain(output_, output_text_)) {
        close_once(output_);
    }
    if (watched[1].revents != 0 && !drain(errors_, errors_text_)) {
        close_once(errors_);
    }
    return true;
}

std::string child_process::line(const std::string& start, std::chrono::milliseconds limit)
{
    return next_line(output_text_, seen_, start, limit);
}

std::string child_process::error_line(const std::string& start, std::chrono::milliseconds limit)
{
    return next_line(errors_text_, errors_seen_, start, limit);
}

/// `text` grows meanwhile; lines of it before `seen` were handed out.
std::string child_process::next_line(const std::string& text, std::size_t& seen,
                                     const std::string& start, std::chrono::milliseconds limit)
{
    const auto until = steady::now() + limit;
    do {
        for (std::size_t end; (end = text.find('\n', seen)) != std::string::npos;) {
            const std::string found = text.substr(seen, end - seen);
            seen = end + 1;
            if (found.starts_with(start)) {
                return found;
            }
        }
    } while (read_some(until));
    return {};
}

std::optional<int> child_process::exit_code()
{
    int status = 0;
    if (!code_ && ::waitpid(id_, &status, WNOHANG) == id_) {
        code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return code_;
}

child_process::outcome child_process::finish(std::chrono::milliseconds limit)
{
    const auto until = steady::now() + limit;
    close_input();
    while (read_some(until)) {}
    while (!exit_code() && steady::now() < until) {
        std::this_thread::sleep_for(1ms);
    }
    return {code_.value_or(-1), output_text_, errors_text_};
}

child_process::outcome shell(const std::string& script, const std::string& input,
                             std::chrono::milliseconds limit)
{
    child_process running({"bash", "-c", script});
    running.write(input);
    return running.finish(limit);
}

}  // namespace integration
