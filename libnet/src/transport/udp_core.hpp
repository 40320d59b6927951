#pragma once

#include "datagram_batch.hpp"
#include "datagram_queue.hpp"

#include <libnet/core/list_node.hpp>
#include <libnet/runtime/operation.hpp>
#include <libnet/transport/datagram.hpp>
#include <libnet/transport/udp_socket.hpp>

#include <cstddef>
#include <functional>
#include <memory>

namespace libnet::detail {

/// A UDP socket behind its handle: counted, since waits of the channel point into it.
///
/// Input    inbox_ points into batch_, which is there while somebody looks at what came.
///          Nothing is waited for on behalf of nobody: that would keep a program running.
/// Output   queue_; transmit() hands it to the channel, from receive(), when it is full, or at the end
///          of the turn. While `blocked_` the channel takes nothing, and nothing is received: what was
///          fetched and not handed out is in held_.
class udp_core final : public stream_events {
public:
    udp_core(std::unique_ptr<datagram_channel> channel, udp_options options);
    ~udp_core() override;

    readiness poll_receive();
    error_code why_no_datagram() const noexcept { return failure_; }
    void wait_datagram(operation_waiter<datagram>& w);
    void abandon_datagram() noexcept;

    result<> send(const socket_address& to, const ip_address& from, bytes payload);
    readiness poll_flush();
    void wait_flush(operation_waiter<void>& w) noexcept { flushers_.push_back(w); }

    /// What comes is for `handler`, instead of for receive(). It takes some of what next() answers,
    /// and is called again for the rest when those whom it has woken have run.
    void deliver_to(std::function<void()> handler);

    /// Whom errors concern, besides on_error.
    void tell_errors_to(std::function<void(const datagram_error&)> handler);

    /// Why there will be no more, for who has what comes delivered.
    const error_code& failure() const noexcept { return failure_; }

    void close() noexcept;

    /// What the kernel has is the last that is received. Then receive() answers `closed`, and the socket
    /// is; or, where what comes is delivered, the handler is called and finds input_ended().
    void end_input() noexcept;
    bool input_ended() const noexcept { return input_ended_; }

    datagram_inbox& inbox() noexcept { return inbox_; }
    datagram_channel& channel() const noexcept { return *channel_; }
    const socket_address& local() const noexcept { return local_; }
    const socket_address& peer() const noexcept { return peer_; }
    void peer_is(const socket_address& peer) noexcept { peer_ = peer; }
    loop& home() const noexcept { return channel_->home(); }
    udp_stats stats() const noexcept;

    /// For any thread, as long as we live: what was dropped is as far as the last datagram told it.
    udp_stats stats_from_outside() const noexcept;

    void on_read(const error_code& failed, std::size_t) override;
    void on_write(const error_code& failed, std::size_t) override;

private:
    struct core_node : work_node {
        udp_core* core;
    };

    /// What is left of a batch while nothing is to be received.
    struct leftover {
        bytes rest;
        const received_datagrams* upcoming = nullptr;
        const received_datagrams* end = nullptr;
    };

    bool fetch();
    void wait_for_input();
    void wait_for_more();
    void withdraw_waits() noexcept;
    void go_on_receiving();
    void finish_input();
    void deliver();
    void transmit() noexcept;
    void hold_input() noexcept;
    void give_input_back() noexcept;
    void give_up_on_first(const error_code& why) noexcept;
    bool take_errors() noexcept;
    void tell(const datagram_error& e) noexcept;
    void answer_flushers();
    void fail(const error_code& why);

    std::unique_ptr<datagram_channel> channel_;
    udp_options options_;
    socket_address local_;
    socket_address peer_;  // where it is connected
    std::size_t largest_segment_;

    datagram_inbox inbox_;
    recycled<datagram_batch> batch_;
    leftover held_;
    bool more_ = false;  // there may be more than what was fetched
    bool nothing_came_ = false;
    bool waiting_ = false;    // wait_readable() is under way
    bool withdrawn_ = false;  // and has been cancelled
    bool ending_input_ = false;
    bool input_ended_ = false;
    operation_waiter<datagram>* receiver_ = nullptr;
    std::function<void()> deliver_;
    core_node deliver_later_;
    std::function<void(const datagram_error&)> tell_;

    datagram_queue queue_;
    core_node flush_later_;
    bool blocked_ = false;            // wait_writable() is under way
    bool writing_withdrawn_ = false;  // and has been cancelled along with the other
    node_list<operation_waiter<void>> flushers_;

    core_node at_shutdown_;
    error_code failure_;
    counter sent_;
    counter unsent_;
    counter errors_;
    counter receive_calls_;
    counter send_calls_;
};

}  // namespace libnet::detail
