#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>

#include <memory>
#include <string_view>

namespace libnet {

namespace detail {
struct connection_link;
}

/// A reference to a connection that may be kept anywhere and used from any thread, also after the
/// connection, its loop and its context have gone. Copies refer to the same connection.
class LIBNET_ASIO_DECL connection_handle {
public:
    /// For connections, which hand one out: connection::handle().
    explicit connection_handle(std::shared_ptr<detail::connection_link> link) noexcept;

    /// Copies the payload and queues it; it is sent after what was queued before. Bounded: at most
    /// a high-water mark of bytes is queued by all handles of a connection together.
    ///
    /// Errors  closed: the connection has ended; peer_not_reading: the queue is full. A payload that
    ///         the framing refuses is dropped.
    result<> send(bytes payload) const;
    result<> send(std::string_view payload) const;

    /// Lets receiving end with `closed` or `cancelled`; what was sent before is still delivered.
    void close() const;
    void cancel() const;

    /// Whether the connection was still there a moment ago.
    bool alive() const noexcept;

private:
    void end(error why) const;

    std::shared_ptr<detail::connection_link> link_;
};

}  // namespace libnet
