#pragma once

#include "process_time.hpp"
#include "results.hpp"

#include <libnet/core/time.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace netbench {

/// Counts what happens, from the end of the warm-up to the end of the measurement.
class recorder {
public:
    explicit recorder(setting asked) { found_.asked = std::move(asked); }

    void begin(libnet::time_point from, libnet::time_point to)
    {
        from_ = from;
        to_ = to;
    }

    /// The warm-up is over.
    void start_measuring() { own_cpu_ = own_cpu_time(); }

    void message(libnet::time_point now, libnet::duration took, std::uint64_t times = 1) noexcept
    {
        ever_ += times;
        if (now >= from_ && now < to_) {
            found_.messages += times;
            found_.latency.record(took, times);
        }
    }

    void connected(libnet::duration took) noexcept
    {
        ++found_.connects;
        found_.connecting.record(took);
    }

    void wrong() noexcept { ++found_.wrong; }
    void lost() noexcept { ++found_.lost; }
    void late() noexcept { ++found_.late; }
    void failed(const std::string& what) { ++found_.errors[what]; }

    /// A second of the measurement is over; the messages in it.
    std::uint64_t second_is_over()
    {
        const std::uint64_t in_it = found_.messages - std::exchange(told_, found_.messages);
        found_.timeline.push_back(in_it);
        return in_it;
    }

    const results& so_far() const { return found_; }

    /// Messages in all, also of the warm-up.
    std::uint64_t ever() const noexcept { return ever_; }

    /// It is over, maybe earlier than it should have been.
    results finish(libnet::time_point now)
    {
        to_ = std::min(to_, now);
        if (to_ > from_) {
            found_.seconds = std::chrono::duration<double>(to_ - from_).count();
            found_.own_cpu = own_cpu_time() - own_cpu_;
        }
        return std::move(found_);
    }

private:
    results found_;
    libnet::time_point from_ = libnet::end_of_time;
    libnet::time_point to_ = libnet::end_of_time;
    double own_cpu_ = 0;
    std::uint64_t told_ = 0;
    std::uint64_t ever_ = 0;
};

}  // namespace netbench
