#pragma once

#include "drive.hpp"
#include "plan.hpp"
#include "recorder.hpp"
#include "report_json.hpp"

#include <libnet/libnet.hpp>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace netbench {

/// Whom the measurement concerns, whether one process makes the load or several do.
struct observers {
    std::function<void()> on_measuring;

    /// `number` seconds are over; in the last one so many messages came back.
    std::function<void(std::uint64_t number, std::uint64_t in_it, std::uint64_t errors)> on_second;
};

namespace detail {

inline std::uint64_t errors_in(const results& r)
{
    std::uint64_t all = r.wrong + r.lost;
    for (const auto& [what, times] : r.errors) {
        all += times;
    }
    return all;
}

/// The load of this process, until it is over or somebody presses Ctrl+C.
inline results run_load(const plan& p, const std::string& transport, const listeners& told)
{
    recorder seen(p.asked(transport));
    const int code = libnet::run(drive(p, seen, told));
    if (code != 0) {
        throw std::runtime_error("the load ended with " + std::to_string(code));
    }
    return seen.finish(std::chrono::steady_clock::now());
}

struct pipe_ends {
    int reading = -1;
    int writing = -1;
};

inline pipe_ends open_pipe()
{
    int ends[2];
    if (::pipe(ends) != 0) {
        throw std::system_error(errno, std::generic_category(), "pipe");
    }
    return {ends[0], ends[1]};
}

inline void write_all(int to, const void* data, std::size_t size)
{
    const char* from = static_cast<const char*>(data);
    while (size != 0) {
        const ssize_t n = ::write(to, from, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            ::_exit(1);  // the other one is gone, and with it whoever wanted to know
        }
        from += n;
        size -= static_cast<std::size_t>(n);
    }
}

inline void write_line(int to, const std::string& line)
{
    write_all(to, (line + '\n').data(), line.size() + 1);
}

/// In a child: tells the parent how far it is, in lines, and waits for its word to begin.
[[noreturn]] inline void run_child(const plan& p, const std::string& transport, int tell, int hear)
{
    try {
        listeners told;
        told.on_connected = [=] {
            write_line(tell, "connected");
            std::int64_t when = 0;
            if (::read(hear, &when, sizeof when) != sizeof when) {
                ::_exit(1);
            }
            return libnet::time_point(libnet::duration(when));
        };
        told.on_measuring = [=] { write_line(tell, "measuring"); };
        told.on_second = [=](std::uint64_t in_it, const recorder& seen) {
            write_line(tell, "second " + std::to_string(in_it) + ' ' +
                                 std::to_string(errors_in(seen.so_far())));
        };
        write_line(tell, "results " + to_json(run_load(p, transport, told)));
    } catch (const std::exception& failure) {
        write_line(tell, std::string("failed ") + failure.what());
    }
    ::_exit(0);
}

/// In the parent: one of the processes.
struct child {
    pid_t process = 0;
    int hear = -1;
    int tell = -1;
    std::string unread{};
    std::uint64_t seconds = 0;
    std::uint64_t errors = 0;
    bool ended = false;
};

/// Hears all children until they have ended, and merges what they measured.
class parent {
public:
    parent(std::vector<child> children, const observers& told)
        : children_(std::move(children)), told_(told)
    {
    }

    results listen()
    {
        while (hear_some()) {}
        if (!failure_.empty()) {
            throw std::runtime_error(failure_);
        }
        if (parts_.empty()) {
            throw std::runtime_error("the processes of the load ended without a result");
        }
        results all = std::move(parts_.front());
        for (std::size_t i = 1; i < parts_.size(); ++i) {
            all.merge(parts_[i]);
        }
        return all;
    }

private:
    /// False when all have ended.
    bool hear_some()
    {
        std::vector<pollfd> polled;
        for (const child& c : children_) {
            polled.push_back({c.ended ? -1 : c.hear, POLLIN, 0});
        }
        if (::poll(polled.data(), polled.size(), -1) < 0) {
            return errno == EINTR;
        }
        bool anybody = false;
        for (std::size_t i = 0; i < children_.size(); ++i) {
            if (polled[i].revents != 0) {
                hear(children_[i]);
            }
            anybody = anybody || !children_[i].ended;
        }
        return anybody;
    }

    void hear(child& c)
    {
        char buffer[65'536];
        const ssize_t n = ::read(c.hear, buffer, sizeof buffer);
        if (n <= 0) {
            c.ended = true;
            ::waitpid(c.process, nullptr, 0);
            return;
        }
        c.unread.append(buffer, static_cast<std::size_t>(n));
        for (std::size_t end; (end = c.unread.find('\n')) != std::string::npos;) {
            const std::string line = c.unread.substr(0, end);
            c.unread.erase(0, end + 1);
            understand(c, line);
        }
    }

    void understand(child& c, const std::string& line)
    {
        std::istringstream words(line);
        std::string what;
        words >> what;
        if (what == "connected" && ++connected_ == children_.size()) {
            const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
            for (const child& each : children_) {
                write_all(each.tell, &now, sizeof now);
            }
        } else if (what == "measuring" && ++measuring_ == 1) {
            told_.on_measuring();
        } else if (what == "second") {
            std::uint64_t in_it = 0;
            words >> in_it >> c.errors;
            second_is_over(++c.seconds, in_it);
        } else if (what == "results") {
            parts_.push_back(from_json(line.substr(what.size() + 1)));
        } else if (what == "failed") {
            failure_ = line.substr(what.size() + 1);
            for (const child& each : children_) {
                ::kill(each.process, SIGKILL);
            }
        }
    }

    /// Told when the last of them has said so.
    void second_is_over(std::uint64_t number, std::uint64_t in_it)
    {
        if (seconds_.size() < number) {
            seconds_.resize(number);
        }
        auto& [processes, messages] = seconds_[number - 1];
        messages += in_it;
        if (++processes == children_.size()) {
            std::uint64_t errors = 0;
            for (const child& each : children_) {
                errors += each.errors;
            }
            told_.on_second(number, messages, errors);
        }
    }

    std::vector<child> children_;
    const observers& told_;
    std::size_t connected_ = 0;
    std::size_t measuring_ = 0;
    std::vector<std::pair<std::size_t, std::uint64_t>> seconds_;  // processes, messages
    std::vector<results> parts_;
    std::string failure_;
};

/// Part `number` of `count`: the connections are dealt out, and with them the rates.
inline plan part_of(const plan& whole, std::size_t number, std::size_t count)
{
    plan part = whole;
    part.connections = whole.connections / count + (number < whole.connections % count ? 1 : 0);
    const double share =
        static_cast<double>(part.connections) / static_cast<double>(whole.connections);
    part.rate *= share;
    part.connect_rate *= share;
    return part;
}

}  // namespace detail

inline results run_here(const plan& p, const std::string& transport, const observers& told)
{
    listeners heard;
    heard.on_connected = [] { return std::chrono::steady_clock::now(); };
    heard.on_measuring = told.on_measuring;
    heard.on_second = [&](std::uint64_t in_it, const recorder& seen) {
        told.on_second(seen.so_far().timeline.size(), in_it, detail::errors_in(seen.so_far()));
    };
    return detail::run_load(p, transport, heard);
}

/// Several processes make the load, each with its share of the connections. Must be called before
/// there are threads.
///
/// Throws  std::runtime_error: what one of them could not do.
inline results run_in_processes(const plan& whole, const std::string& transport, std::size_t count,
                                const observers& told)
{
    std::vector<detail::child> children;
    for (std::size_t i = 0; i < count; ++i) {
        const auto up = detail::open_pipe();
        const auto down = detail::open_pipe();
        const pid_t process = ::fork();
        if (process < 0) {
            throw std::system_error(errno, std::generic_category(), "fork");
        }
        if (process == 0) {
            ::close(up.reading);
            ::close(down.writing);
            detail::run_child(detail::part_of(whole, i, count), transport, up.writing,
                              down.reading);
        }
        ::close(up.writing);
        ::close(down.reading);
        children.push_back({.process = process, .hear = up.reading, .tell = down.writing});
    }
    // Ctrl+C reaches them all; they end with what they have measured so far.
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGINT, &ignore, nullptr);
    ::sigaction(SIGPIPE, &ignore, nullptr);
    return detail::parent(std::move(children), told).listen();
}

}  // namespace netbench
