#include "polled_stream.hpp"

#if defined(__linux__)

#include "last_error.hpp"

#include <libnet/runtime/frame_pool.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace libnet::detail {
namespace {

constexpr std::size_t most_places = 8;

/// Pieces as the system wants them.
struct gathered_pieces {
    explicit gathered_pieces(std::span<const bytes> pieces) noexcept
        : count(std::min(pieces.size(), most_places))
    {
        for (std::size_t i = 0; i != count; ++i) {
            places[i].iov_base = const_cast<std::byte*>(pieces[i].data());
            places[i].iov_len = pieces[i].size();
            size += pieces[i].size();
        }
    }

    std::array<iovec, most_places> places;
    std::size_t count;
    std::size_t size = 0;  // together
};

ssize_t send_pieces(int descriptor, gathered_pieces& pieces) noexcept
{
    msghdr message{};
    message.msg_iov = pieces.places.data();
    message.msg_iovlen = pieces.count;
    return ::sendmsg(descriptor, &message, MSG_NOSIGNAL);
}

/// Not Multipath TCP, which may hold back what has come, nor TCP with TLS on it, whose receives end where
/// records of another kind begin.
bool is_plain_tcp(int descriptor) noexcept
{
    int protocol = 0;
    socklen_t length = sizeof protocol;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) != 0 ||
        protocol != IPPROTO_TCP) {
        return false;
    }
#if defined(TCP_ULP)
    char layer[16];
    length = sizeof layer;
    return ::getsockopt(descriptor, IPPROTO_TCP, TCP_ULP, layer, &length) != 0 || length == 0;
#else
    return true;
#endif
}

}  // namespace

/// Only for as long as a peer does not keep up.
struct polled_stream::write_under_way : work_node {
    write_under_way(polled_stream& of, std::span<const bytes> offered, stream_events& who) noexcept
        : owner(&of), pieces(offered), events(who)
    {
        run = [](work_node& node) { static_cast<write_under_way&>(node).try_it(); };
    }

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* memory, std::size_t size) noexcept
    {
        free_frame(memory, size);
    }

    /// For room.
    void wait() noexcept
    {
        polled_stream& stream = *owner;
        if (const error_code refused = stream.watch(descriptor_poll::input_and_room)) {
            failed = refused;
            stream.home_.ready(*this);
            return;
        }
        waits = true;
        stream.poll_->begin_wait();
    }

    void stop_waiting() noexcept
    {
        if (std::exchange(waits, false) && owner->poll_ != nullptr) {
            owner->poll_->end_wait();
        }
    }

    void try_it()
    {
        ssize_t written = 0;
        while (!failed && pieces.size != 0 &&
               (written = send_pieces(owner->descriptor_, pieces)) < 0) {
            if (errno == EAGAIN) {
                wait();
                return;
            }
            if (errno != EINTR) {
                failed = last_error();
            }
        }
        end(failed, failed ? 0 : static_cast<std::size_t>(written));
    }

    /// The end of *this, and perhaps of the stream.
    void end(const error_code& why, std::size_t count)
    {
        owner->is_full_ = count < pieces.size;
        owner->write_ = nullptr;
        const events_reference writer = std::move(events);
        const error_code said = why;
        delete this;
        writer->on_write(said, count);
    }

    polled_stream* owner;
    gathered_pieces pieces;
    events_reference events;
    error_code failed;
    bool waits = false;
};

polled_stream::polled_stream(loop& home, descriptor_poll& poll, int descriptor,
                             socket_names names)
    : home_(home),
      poll_(&poll),
      descriptor_(descriptor),
      is_thorough_(!is_plain_tcp(descriptor)),
      names_(std::move(names))
{
    read_step().run = [](work_node& node) { static_cast<polled_stream&>(node).go_on_reading(); };
    poll.enter(*this);
}

polled_stream::~polled_stream()
{
    close();
    delete write_;
}

/// First of what is so already, also where it was asked for before.
error_code polled_stream::watch(std::uint32_t events) noexcept
{
    const error_code failed = !is_watched_ ? poll_->add(*this, descriptor_, events)
                                           : poll_->change(*this, descriptor_, events);
    if (!failed) {
        is_watched_ = true;
    }
    return failed;
}

// ---- reading ------------------------------------------------------------------------------------

void polled_stream::read_some(mutable_bytes room, stream_events& events)
{
    room_ = room;
    reader_ = events_reference(events);
    begin_to_read();
}

void polled_stream::wait_readable(stream_events& events)
{
    room_ = {};
    reader_ = events_reference(events);
    begin_to_read();
}

/// What may be there is read in a later turn, or whoever sends much would keep all others waiting.
void polled_stream::begin_to_read() noexcept
{
    if (may_have_input_ || descriptor_ < 0) {
        home_.defer(read_step());
    } else {
        wait_for_input();
    }
}

void polled_stream::wait_for_input() noexcept
{
    if (poll_ == nullptr) {
        const events_reference nobody = std::move(reader_);
        return;
    }
    if (!is_watched_) {
        if (const error_code refused = watch(descriptor_poll::input)) {
            cannot_wait_ = static_cast<std::uint16_t>(refused.value());
            home_.ready(read_step());
            return;
        }
    }
    awaits_input_ = true;
    poll_->begin_wait();
}

void polled_stream::stop_waiting_for_input() noexcept
{
    if (std::exchange(awaits_input_, false) && poll_ != nullptr) {
        poll_->end_wait();
    }
}

void polled_stream::on_input(bool ended)
{
    may_have_input_ = true;
    is_thorough_ = is_thorough_ || ended;
    if (awaits_input_) {
        stop_waiting_for_input();
        try_to_read();
    }
}

/// A later turn, a read that was cancelled, or one that cannot wait.
void polled_stream::go_on_reading()
{
    if (read_cancelled_) {
        end_read(error::cancelled, 0);
    } else if (cannot_wait_ != 0) {
        end_read({std::exchange(cannot_wait_, std::uint16_t{0}), boost::system::system_category()}, 0);
    } else {
        try_to_read();
    }
}

void polled_stream::try_to_read()
{
    if (room_.empty()) {
        look_whether_readable();
        return;
    }
    const ssize_t count = ::recv(descriptor_, room_.data(), room_.size(), 0);
    if (count > 0) [[likely]] {
        const auto read = static_cast<std::size_t>(count);
        may_have_input_ = read == room_.size() || is_thorough_;
        end_read({}, read);
    } else if (count == 0) {
        end_read(error::closed, 0);
    } else {
        could_not_read(errno);
    }
}

void polled_stream::look_whether_readable()
{
    char first;
    if (::recv(descriptor_, &first, 1, MSG_PEEK) >= 0) {
        end_read({}, 0);
    } else {
        could_not_read(errno);
    }
}

void polled_stream::could_not_read(int why)
{
    if (why == EAGAIN) {
        may_have_input_ = false;
        wait_for_input();
    } else if (why == EINTR) {
        home_.defer(read_step());
    } else {
        end_read({why, boost::system::system_category()}, 0);
    }
}

/// Perhaps the end of *this.
void polled_stream::end_read(const error_code& failed, std::size_t count)
{
    read_cancelled_ = false;
    cannot_wait_ = 0;
    const events_reference reader = std::move(reader_);
    reader->on_read(failed, count);
}

bool polled_stream::cancel_read() noexcept
{
    if (reader_) {
        stop_waiting_for_input();
        read_cancelled_ = true;
        read_step().unlink();
        home_.ready(read_step());
    }
    return true;
}

// ---- writing ------------------------------------------------------------------------------------

void polled_stream::write_some(std::span<const bytes> pieces, stream_events& events)
{
    if (poll_ == nullptr) {
        return;  // the loop has ended, and nobody is told any more
    }
    write_ = new write_under_way(*this, pieces, events);
    if (is_full_ && write_->pieces.size != 0 && descriptor_ >= 0) {
        write_->wait();
    } else {
        home_.ready(*write_);
    }
}

void polled_stream::on_room()
{
    is_full_ = false;
    if (write_ != nullptr && write_->waits) {
        write_->stop_waiting();
        write_->try_it();
    }
}

result<std::size_t> polled_stream::try_write(std::span<const bytes> pieces)
{
    ssize_t written;
    std::size_t offered;
    if (pieces.size() == 1) {
        offered = pieces[0].size();
        written = ::send(descriptor_, pieces[0].data(), offered, MSG_NOSIGNAL);
    } else {
        gathered_pieces gathered(pieces);
        offered = gathered.size;
        written = send_pieces(descriptor_, gathered);
    }
    if (written >= 0) [[likely]] {
        is_full_ = static_cast<std::size_t>(written) < offered;
        return static_cast<std::size_t>(written);
    }
    // What was interrupted is done by the write that waits.
    if (errno != EAGAIN && errno != EINTR) {
        return last_error();
    }
    is_full_ = errno == EAGAIN;
    return std::size_t{0};
}

error_code polled_stream::shutdown_send() noexcept
{
    return ::shutdown(descriptor_, SHUT_WR) == 0 ? error_code() : last_error();
}

// ---- the end ------------------------------------------------------------------------------------

/// Its descriptor, of which nothing is told any more.
int polled_stream::leave_poll() noexcept
{
    names_.keep_local(descriptor_);
    if (poll_ != nullptr && is_watched_) {
        poll_->remove(*this, descriptor_);
        is_watched_ = false;
    }
    return std::exchange(descriptor_, -1);
}

void polled_stream::close() noexcept
{
    if (descriptor_ < 0) {
        return;
    }
    close_descriptor(leave_poll());
    cancel_read();
    if (write_ != nullptr) {
        write_->stop_waiting();
        write_->failed = error::cancelled;
        write_->unlink();
        home_.ready(*write_);
    }
}

int polled_stream::release_native() noexcept
{
    return leave_poll();
}

/// Whoever waited is not told, as nothing runs any more.
void polled_stream::on_poll_end() noexcept
{
    poll_ = nullptr;
    awaits_input_ = false;
    const std::unique_ptr<write_under_way> write(std::exchange(write_, nullptr));
    const events_reference reader = std::move(reader_);
}

// ---- what is known ------------------------------------------------------------------------------

std::optional<kernel_statistics> polled_stream::statistics() const
{
    return descriptor_ >= 0 ? read_kernel_statistics(descriptor_) : std::nullopt;
}

}  // namespace libnet::detail

#endif
