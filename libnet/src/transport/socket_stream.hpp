#pragma once

#include "../runtime/operation_memory.hpp"
#include "../runtime/resident.hpp"
#include "socket.hpp"
#include "socket_names.hpp"

#include <libnet/transport/stream.hpp>

#include <optional>
#include <string>

namespace libnet::detail {

/// A stream socket of any family, on an Asio socket. The memory of reads is in here, since one is
/// under way at all times; that of writes, which have to wait only for a peer that does not keep up,
/// is recycled.
class socket_stream final : public stream {
public:
    socket_stream(loop& home, stream_socket socket, socket_names names);

    loop& home() const noexcept override { return resident_.home(); }
    void read_some(mutable_bytes room, stream_events& events) override;
    bool cancel_read() noexcept override;
    void wait_readable(stream_events& events) override;
    void write_some(std::span<const bytes> pieces, stream_events& events) override;
    result<std::size_t> try_write(std::span<const bytes> pieces) override;
    error_code shutdown_send() noexcept override;
    outlook look() const noexcept override { return outlook_of(native_handle()); }
    std::size_t arrived() const noexcept override { return arrived_at(native_handle()); }
    void close() noexcept override;
    std::string peer() const override { return names_.peer(); }
    std::string local() const override { return names_.local(native_handle()); }
    ip_address peer_address() const noexcept override { return names_.address(); }
    int native_handle() const noexcept override;
    int release_native() noexcept override;
    std::optional<kernel_statistics> statistics() const override;

private:
    struct read_handler;
    struct readable_handler;
    struct write_handler;

    resident resident_;
    mutable stream_socket socket_;
    socket_names names_;
    operation_memory reading_;
};

}  // namespace libnet::detail
