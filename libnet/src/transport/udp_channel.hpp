#pragma once

#include "../runtime/operation_memory.hpp"
#include "../runtime/resident.hpp"
#include "udp_messages.hpp"

#include <libnet/core/counter.hpp>
#include <libnet/core/result.hpp>
#include <libnet/transport/datagram_channel.hpp>
#include <libnet/transport/udp_options.hpp>

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/generic/datagram_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <optional>

namespace libnet::detail {

using datagram_socket = boost::asio::basic_datagram_socket<boost::asio::generic::datagram_protocol,
                                                           boost::asio::io_context::executor_type>;

/// A socket of the system's. Asio tells when it can be read or written; reading and writing are
/// recvmmsg and sendmmsg, where there are these.
class udp_channel final : public datagram_channel {
public:
    udp_channel(loop& home, datagram_socket socket, int family, const udp_options& options);

    loop& home() const noexcept override { return resident_.home(); }
    result<std::size_t> receive(std::span<received_datagrams> into) override;
    result<std::size_t> send(std::span<queued_datagrams> batch) override;
    void wait_readable(stream_events& events) override;
    void wait_writable(stream_events& events) override;
    void cancel_waits() noexcept override;
    std::optional<datagram_error> take_error() override;
    std::size_t largest_segment() const noexcept override { return largest_segment_; }
    error_code join(const ip_address& group, std::string_view interface) override;
    error_code leave(const ip_address& group, std::string_view interface) override;
    std::uint64_t dropped() const noexcept override;
    std::uint64_t dropped_as_told() const noexcept override { return dropped_; }
    socket_address local() const override;
    void close() noexcept override;
    int native_handle() const noexcept override;

private:
    struct wait_handler;

    error_code change_membership(const ip_address& group, std::string_view interface, int v4_option,
                                 int v6_option) noexcept;
    result<bool> send_one_by_one(queued_datagrams& several);

    resident resident_;
    mutable std::optional<datagram_socket> socket_;  // until it is closed
    int family_;
    std::size_t most_;  // bytes that are wanted of a datagram, or of several
    std::size_t largest_segment_;
    counter dropped_;
    operation_memory reading_;
    operation_memory writing_;
};

}  // namespace libnet::detail
