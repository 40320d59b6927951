#pragma once

#include "../runtime/descriptor_poll.hpp"

#if defined(__linux__)

#include "socket.hpp"
#include "socket_names.hpp"

#include <libnet/transport/stream.hpp>

#include <optional>
#include <span>
#include <string>

#include <sys/uio.h>

namespace libnet::detail {

/// A stream socket of any family, on the epoll of its loop. It remembers what epoll has said and what the
/// last calls have met, so it asks the kernel for nothing that cannot be there:
///
///     read   epoll: input  ->  recv, less than there was room for  ->  nothing there until epoll says so
///                              recv, all that there was room for   ->  perhaps more: tried in a later turn
///     write  sendmsg, less than was offered  ->  no room until epoll says so
///
/// That a read which came up short has read everything holds for plain TCP alone, and only as long as epoll
/// has not told of an end or of urgent data.
class polled_stream final : public stream, private polled_descriptor, private work_node {
public:
    /// Takes the descriptor, which does not block.
    polled_stream(loop& home, descriptor_poll& poll, int descriptor, socket_names names);
    ~polled_stream() override;

    loop& home() const noexcept override { return home_; }
    LIBNET_ASIO_HOT void read_some(mutable_bytes room, stream_events& events) override;
    bool knows_when_empty() const noexcept override { return true; }
    bool cancel_read() noexcept override;
    void wait_readable(stream_events& events) override;
    void write_some(std::span<const bytes> pieces, stream_events& events) override;
    LIBNET_ASIO_HOT result<std::size_t> try_write(std::span<const bytes> pieces) override;
    error_code shutdown_send() noexcept override;
    outlook look() const noexcept override { return outlook_of(descriptor_); }
    std::size_t arrived() const noexcept override { return arrived_at(descriptor_); }
    void close() noexcept override;
    std::string peer() const override { return names_.peer(); }
    std::string local() const override { return names_.local(descriptor_); }
    ip_address peer_address() const noexcept override { return names_.address(); }
    int native_handle() const noexcept override { return descriptor_; }
    int release_native() noexcept override;
    std::optional<kernel_statistics> statistics() const override;

private:
    struct write_under_way;

    LIBNET_ASIO_HOT void on_input(bool ended) override;
    void on_room() override;
    void on_poll_end() noexcept override;

    error_code watch(std::uint32_t events) noexcept;
    int leave_poll() noexcept;
    void begin_to_read() noexcept;
    void go_on_reading();
    LIBNET_ASIO_HOT void try_to_read();
    void look_whether_readable();
    void could_not_read(int why);
    LIBNET_ASIO_HOT void end_read(const error_code& failed, std::size_t count);
    LIBNET_ASIO_HOT void wait_for_input() noexcept;
    work_node& read_step() noexcept { return *this; }
    void stop_waiting_for_input() noexcept;

    loop& home_;
    descriptor_poll* poll_;      // null when it has ended
    int descriptor_;             // -1 when it is closed
    bool is_watched_ = false;    // epoll was asked to tell of it
    std::uint16_t cannot_wait_ = 0;  // why epoll did not take it
    bool may_have_input_ = false;
    bool is_thorough_;  // reads until nothing is there
    bool awaits_input_ = false;
    bool read_cancelled_ = false;
    bool is_full_ = false;
    events_reference reader_;
    mutable_bytes room_;  // of the read under way; empty if it only waits
    write_under_way* write_ = nullptr;
    socket_names names_;
};

}  // namespace libnet::detail

#endif
