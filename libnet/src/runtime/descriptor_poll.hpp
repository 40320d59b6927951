#pragma once

#include <libnet/core/result.hpp>
#include <libnet/runtime/loop.hpp>

#if defined(__linux__)

#include "operation_memory.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include <sys/epoll.h>

namespace libnet::detail {

/// Who is told what epoll says of a descriptor, in a turn of its own.
class polled_descriptor : public list_node {
public:
    /// There may be something to read. `ended`: behind it the end, an error, or what only reading to
    /// the end can find; then, and ever after, a read that came up short has not read everything.
    virtual void on_input(bool ended) = 0;

    /// There may be room to write.
    virtual void on_room() = 0;

    /// The loop ends: nothing will be told any more, and who waited is to be let go.
    virtual void on_poll_end() noexcept = 0;

protected:
    ~polled_descriptor() = default;
};

/// An epoll of the loop's own inside of Asio's, which tells what Asio's does not pass on: that the end
/// of a stream is near. So a read that came up short need not be followed by one that finds nothing.
/// Whoever waits here begins an operation without Asio, its lock and its queues.
///
///     Asio's epoll:  timer, wake-ups, acceptors, and | this one |  ->  socket, socket, socket ...
///
/// Edge-triggered. Asio is asked to wait as long as somebody here does, so that a context in which
/// nobody waits ends.
///
/// Cost  a turn: an epoll_wait and an epoll_ctl, however many descriptors have something.
class descriptor_poll {
public:
    static constexpr std::uint32_t input = EPOLLIN | EPOLLRDHUP | EPOLLPRI;
    static constexpr std::uint32_t input_and_room = input | EPOLLOUT;

    /// Null if the kernel has none to give.
    static std::unique_ptr<descriptor_poll> open(boost::asio::io_context& context,
                                                 loop& home) noexcept;

    descriptor_poll(boost::asio::io_context& context, loop& home, int epoll);
    descriptor_poll(const descriptor_poll&) = delete;
    descriptor_poll& operator=(const descriptor_poll&) = delete;

    /// `who` is told when it ends, as long as it lives.
    void enter(polled_descriptor& who) noexcept { living_.push_back(who); }

    /// Tells `who` of `descriptor` from now on, first of what is so already. Until remove(), which has to
    /// come before the descriptor is closed: it may be open elsewhere, too.
    error_code add(polled_descriptor& who, int descriptor, std::uint32_t events) noexcept;

    /// Tells again what is so now, of these events.
    error_code change(polled_descriptor& who, int descriptor, std::uint32_t events) noexcept;

    void remove(polled_descriptor& who, int descriptor) noexcept;

    /// Somebody waits for one of the descriptors, and does no longer.
    void begin_wait() noexcept
    {
        ++waiting_;
        if (asio_ == state::idle) {
            let_asio_wait();
        }
    }
    void end_wait() noexcept
    {
        if (--waiting_ == 0 && asio_ == state::waits && !rest_.linked()) {
            home_.defer(rest_);
        }
    }

    /// The context ends.
    void end() noexcept;

private:
    using asio_descriptor =
        boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;

    enum class state : unsigned char { idle, waits, tells };

    class turn_of_asio;

    error_code ask(int how, polled_descriptor& who, int descriptor, std::uint32_t events) noexcept;
    void let_asio_wait() noexcept;
    LIBNET_ASIO_HOT void tell();
    LIBNET_ASIO_ALWAYS_INLINE void tell(polled_descriptor& who, std::uint32_t said);
    void look_for_events() noexcept;
    void rest() noexcept;

    struct rest_node : work_node {
        descriptor_poll* owner;
    };

    loop& home_;
    std::optional<asio_descriptor> epoll_;  // until it ends
    operation_memory asio_operation_;
    std::size_t waiting_ = 0;
    state asio_ = state::idle;
    rest_node rest_;
    std::array<epoll_event, 128> events_;
    std::size_t next_ = 0;  // of events_
    std::size_t end_ = 0;
    node_list<polled_descriptor> living_;
};

}  // namespace libnet::detail

#else

namespace libnet::detail {

/// Elsewhere Asio's own reactor has to do.
class descriptor_poll {};

}  // namespace libnet::detail

#endif
