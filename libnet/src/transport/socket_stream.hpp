#pragma once

#include "../runtime/operation_memory.hpp"
#include "tcp_socket.hpp"

#include <libnet/transport/stream.hpp>

#include <string>

namespace libnet::detail {

/// TCP on an Asio socket. Operations allocate nothing: their memory is in here.
class tcp_stream final : public stream {
public:
    tcp_stream(loop& home, tcp_socket socket, std::string peer);

    loop& home() const noexcept override { return loop_; }
    void read_some(mutable_bytes room, stream_events& events) override;
    bool cancel_read() noexcept override;
    void wait_readable(stream_events& events) override;
    void write_some(std::span<const bytes> pieces, stream_events& events) override;
    result<std::size_t> try_write(std::span<const bytes> pieces) override;
    error_code shutdown_send() noexcept override;
    void close() noexcept override;
    std::string peer() const override { return peer_; }
    std::string local() const override;
    int native_handle() const noexcept override;

private:
    struct read_handler;
    struct readable_handler;
    struct write_handler;

    loop& loop_;
    mutable tcp_socket socket_;
    std::string peer_;
    operation_memory reading_;
    operation_memory writing_;
};

}  // namespace libnet::detail
