#include "tcp_stream.hpp"

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

struct tcp_stream::read_handler {
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

struct tcp_stream::readable_handler : read_handler {
    void operator()(const error_code& failed) { read_handler::operator()(failed, 0); }
};

struct tcp_stream::write_handler {
    using allocator_type = operation_allocator<std::byte>;
    allocator_type get_allocator() const noexcept { return allocator_type(*memory); }

    void operator()(const error_code& failed, std::size_t count)
    {
        const loop::turn this_turn(*home);
        events->on_write(failed, count);
    }

    events_reference events;
    operation_memory* memory;
    loop* home;
};

tcp_stream::tcp_stream(loop& home, tcp_socket socket, std::string peer)
    : loop_(home), socket_(std::move(socket)), peer_(std::move(peer))
{
    socket_.non_blocking(true);
}

void tcp_stream::read_some(mutable_bytes room, stream_events& events)
{
    socket_.async_read_some(asio::mutable_buffer(room.data(), room.size()),
                            read_handler{events_reference(events), &reading_, &loop_});
}

bool tcp_stream::cancel_read() noexcept
{
    error_code failed;
    socket_.cancel(failed);
    return !failed;
}

void tcp_stream::wait_readable(stream_events& events)
{
    socket_.async_wait(tcp_socket::wait_read,
                       readable_handler{{events_reference(events), &reading_, &loop_}});
}

void tcp_stream::write_some(std::span<const bytes> pieces, stream_events& events)
{
    write_handler handler{events_reference(events), &writing_, &loop_};
    if (pieces.size() == 1) {
        socket_.async_write_some(asio::const_buffer(pieces[0].data(), pieces[0].size()),
                                 std::move(handler));
    } else {
        socket_.async_write_some(gather(pieces), std::move(handler));
    }
}

result<std::size_t> tcp_stream::try_write(std::span<const bytes> pieces)
{
    error_code failed;
    const std::size_t written =
        pieces.size() == 1
            ? socket_.write_some(asio::const_buffer(pieces[0].data(), pieces[0].size()), failed)
            : socket_.write_some(gather(pieces), failed);
    if (failed && failed != asio::error::would_block) {
        return failed;
    }
    return written;
}

error_code tcp_stream::shutdown_send() noexcept
{
    error_code failed;
    socket_.shutdown(tcp_socket::shutdown_send, failed);
    return failed;
}

void tcp_stream::close() noexcept
{
    error_code ignored;
    socket_.close(ignored);
}

std::string tcp_stream::local() const
{
    error_code failed;
    const auto endpoint = socket_.local_endpoint(failed);
    return failed ? std::string("?") : to_text(endpoint);
}

int tcp_stream::native_handle() const noexcept
{
    return socket_.is_open() ? static_cast<int>(socket_.native_handle()) : -1;
}

}  // namespace libnet::detail
