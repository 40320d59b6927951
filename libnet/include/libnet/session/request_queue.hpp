#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/list_node.hpp>
#include <libnet/core/result.hpp>
#include <libnet/core/time.hpp>
#include <libnet/runtime/operation.hpp>
#include <libnet/runtime/wait_list.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace libnet {

/// What becomes of a call that is made, or still waits to be sent, while there is no connection.
enum class offline : unsigned char {
    wait,  ///< it waits for one, until its own timeout
    fail,  ///< it fails at once, with `not_connected`
};

/// What becomes of a call whose connection ended after the request had left and before its answer
/// came: nobody here knows whether it was carried out.
enum class loss : unsigned char {
    fail,    ///< it fails with `connection_lost`
    repeat,  ///< it is sent again over the next connection: only for what may be done twice
};

/// What a call may cost, and what becomes of it where there is no connection.
struct call_options {
    /// From the call to its answer; waiting for a connection and for others is included.
    duration timeout = std::chrono::seconds(10);
    offline when_offline = offline::wait;
    loss when_lost = loss::fail;
};

/// Of the calls and of the sessions that carry them.
struct requests_stats {
    std::size_t lines = 0;       ///< sessions that take requests now
    std::size_t waiting = 0;     ///< calls that wait to be sent
    std::size_t in_flight = 0;   ///< calls that wait for their answer
    std::uint64_t answered = 0;  ///< since the start
    std::uint64_t failed = 0;    ///< ended with an error, those that gave up included
    std::uint64_t repeated = 0;  ///< times that a request was sent again
};

namespace detail {

struct request_claim;

/// A call, in the frame of whoever waits for its answer.
struct pending_call : list_node {
    call_options how{};
    loop* home = nullptr;
    std::uint64_t number = 0;
    operation_waiter<void>* waiting = nullptr;
    request_claim* claim = nullptr;  // a session has it
    bool ended = false;
    error_code failure;
};

/// The calls of a `requests`, without what they carry.
class LIBNET_ASIO_DECL request_queue {
public:
    explicit request_queue(std::size_t limit) noexcept : limit_(limit) {}

    // Whoever calls.
    result<> enter(pending_call& call, loop& home) noexcept;
    void leave(pending_call& call) noexcept;
    static operation<> end_of(pending_call& call) noexcept;

    // Sessions.
    void open_line() noexcept { ++lines_; }
    void close_line() noexcept;
    wait_list& arrivals(loop& home);
    pending_call* take() noexcept;

    void end(pending_call& call, const error_code& why) noexcept;
    void lost(pending_call& call) noexcept;
    void put_back(pending_call& call) noexcept;

    // The owner.
    void close(const error_code& why) noexcept;
    requests_stats stats() const noexcept;

private:
    struct source;

    void wait_again(pending_call& call) noexcept;

    std::size_t limit_;
    std::size_t lines_ = 0;
    std::size_t size_ = 0;
    std::size_t waiting_count_ = 0;
    std::uint64_t next_number_ = 0;
    std::uint64_t answered_ = 0;
    std::uint64_t failed_ = 0;
    std::uint64_t repeated_ = 0;
    error_code closed_;
    node_list<pending_call> waiting_;  // in the order of their numbers
    std::optional<wait_list> arrivals_;
};

/// The right to answer a call, which whoever made it may give up at any time.
struct request_claim {
    request_claim(std::shared_ptr<request_queue> q, pending_call& c) noexcept
        : queue(std::move(q)), call(&c)
    {
        call->claim = this;
    }
    request_claim(request_claim&& other) noexcept
        : queue(std::move(other.queue)), call(std::exchange(other.call, nullptr))
    {
        if (call != nullptr) {
            call->claim = this;
        }
    }
    request_claim& operator=(request_claim&&) = delete;
    ~request_claim() = default;

    /// The call, which is no longer claimed; null if nobody waits for it.
    pending_call* release() noexcept
    {
        if (call != nullptr) {
            call->claim = nullptr;
        }
        return std::exchange(call, nullptr);
    }

    std::shared_ptr<request_queue> queue;
    pending_call* call;
};

}  // namespace detail
}  // namespace libnet
