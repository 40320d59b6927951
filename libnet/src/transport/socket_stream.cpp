#include "socket_stream.hpp"

#include "../runtime/begin_on.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace libnet::detail {

namespace asio = boost::asio;

namespace {

constexpr std::size_t most_pieces = 8;

using gathered = std::array<asio::const_buffer, most_pieces>;

/// Unused places stay empty buffers, which Asio skips.
gathered gather(std::span<const bytes> pieces) noexcept
{
    gathered buffers;
    const std::size_t count = std::min(pieces.size(), most_pieces);
    for (std::size_t i = 0; i < count; ++i) {
        buffers[i] = asio::const_buffer(pieces[i].data(), pieces[i].size());
    }
    return buffers;
}

error_code in_our_words(const error_code& failed) noexcept
{
    if (failed == asio::error::eof) {
        return error::closed;
    }
    return failed == asio::error::operation_aborted ? make_error_code(error::cancelled) : failed;
}

}  // namespace

struct socket_stream::read_handler {
    using allocator_type = operation_allocator<std::byte>;
    allocator_type get_allocator() const noexcept { return allocator_type(*memory); }

    void operator()(const error_code& failed, std::size_t count)
    {
        const loop::turn this_turn(*home);
        events->on_read(in_our_words(failed), count);
    }

    events_reference events;
    operation_memory* memory;
    loop* home;
};

struct socket_stream::readable_handler : read_handler {
    void operator()(const error_code& failed) { read_handler::operator()(failed, 0); }
};

struct socket_stream::write_handler {
    using allocator_type = recycling_allocator<std::byte>;
    allocator_type get_allocator() const noexcept { return {}; }

    void operator()(const error_code& failed, std::size_t count)
    {
        const loop::turn this_turn(*home);
        events->on_write(failed, count);
    }

    events_reference events;
    loop* home;
};

socket_stream::socket_stream(loop& home, stream_socket socket, socket_names names)
    : resident_(home), socket_(std::move(socket)), names_(std::move(names))
{
    error_code ignored;  // it does not block, and that Asio knows it cannot fail
    socket_.non_blocking(true, ignored);
}

void socket_stream::read_some(mutable_bytes room, stream_events& events)
{
    begin_on(home(), read_handler{events_reference(events), &reading_, &home()}, [&](auto bound) {
        socket_.async_read_some(asio::mutable_buffer(room.data(), room.size()), std::move(bound));
    });
}

bool socket_stream::cancel_read() noexcept
{
    error_code failed;
    socket_.cancel(failed);
    return !failed;
}

void socket_stream::wait_readable(stream_events& events)
{
    readable_handler handler{{events_reference(events), &reading_, &home()}};
    begin_on(home(), std::move(handler), [&](auto bound) {
        socket_.async_wait(stream_socket::wait_read, std::move(bound));
    });
}

void socket_stream::write_some(std::span<const bytes> pieces, stream_events& events)
{
    begin_on(home(), write_handler{events_reference(events), &home()}, [&](auto bound) {
        if (pieces.size() == 1) {
            socket_.async_write_some(asio::const_buffer(pieces[0].data(), pieces[0].size()),
                                     std::move(bound));
        } else {
            socket_.async_write_some(gather(pieces), std::move(bound));
        }
    });
}

result<std::size_t> socket_stream::try_write(std::span<const bytes> pieces)
{
    error_code failed;
    const std::size_t written =
        pieces.size() == 1
            ? socket_.write_some(asio::const_buffer(pieces[0].data(), pieces[0].size()), failed)
            : socket_.write_some(gather(pieces), failed);
    // What was interrupted is done by the write that waits.
    if (failed && failed != asio::error::would_block && failed != asio::error::interrupted) {
        return failed;
    }
    return written;
}

error_code socket_stream::shutdown_send() noexcept
{
    error_code failed;
    socket_.shutdown(stream_socket::shutdown_send, failed);
    return failed;
}

void socket_stream::close() noexcept
{
    names_.keep_local(native_handle());
    error_code ignored;
    socket_.close(ignored);
}

int socket_stream::native_handle() const noexcept
{
    return socket_.is_open() ? static_cast<int>(socket_.native_handle()) : -1;
}

int socket_stream::release_native() noexcept
{
    names_.keep_local(native_handle());
    error_code failed;
    const auto descriptor = socket_.release(failed);
    return failed ? -1 : static_cast<int>(descriptor);
}

std::optional<kernel_statistics> socket_stream::statistics() const
{
    return socket_.is_open() ? read_kernel_statistics(native_handle()) : std::nullopt;
}

}  // namespace libnet::detail
