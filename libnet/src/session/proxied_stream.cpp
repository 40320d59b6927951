#include "proxied_stream.hpp"

#include <algorithm>
#include <utility>

namespace libnet::detail {

proxied_stream::proxied_stream(std::unique_ptr<stream> below, std::vector<std::byte> first,
                               std::optional<proxy_info> proxy)
    : below_(std::move(below)), first_(std::move(first)), proxy_(std::move(proxy))
{
    if (proxy_) {
        peer_ = proxy_->header.client();
    }
    read_step_.owner = at_shutdown_.owner = this;
    read_step_.run = [](work_node& n) { static_cast<step&>(n).owner->answer_reader(); };
    // The loop ends: who waits is dropped unanswered, or both would live on through each other.
    at_shutdown_.run = [](work_node& n) {
        proxied_stream& self = *static_cast<step&>(n).owner;
        self.read_step_.unlink();
        const events_reference last = std::move(self.reader_);
    };
}

void proxied_stream::read_some(mutable_bytes room, stream_events& events)
{
    if (has_first()) {
        answer_later(room, events);
    } else {
        below_->read_some(room, events);
    }
}

void proxied_stream::wait_readable(stream_events& events)
{
    if (has_first()) {
        answer_later({}, events);
    } else {
        below_->wait_readable(events);
    }
}

void proxied_stream::answer_later(mutable_bytes room, stream_events& events)
{
    reader_ = events_reference(events);
    room_ = room;
    home().ready(read_step_);
    home().at_shutdown(at_shutdown_);
}

void proxied_stream::answer_reader()
{
    at_shutdown_.unlink();
    const events_reference reader = std::move(reader_);
    if (closed_) {
        reader->on_read(error::cancelled, 0);
        return;
    }
    const std::size_t count = std::min(room_.size(), first_.size() - given_);
    std::copy_n(first_.begin() + static_cast<std::ptrdiff_t>(given_), count, room_.begin());
    given_ += count;
    if (!has_first()) {
        std::vector<std::byte>().swap(first_);  // = {} would keep what it holds
        given_ = 0;
    }
    reader->on_read({}, count);
}

/// What has been read already ends the read by itself.
bool proxied_stream::cancel_read() noexcept
{
    return read_step_.linked() || below_->cancel_read();
}

stream::outlook proxied_stream::look() const noexcept
{
    return has_first() ? outlook::input : below_->look();
}

void proxied_stream::close() noexcept
{
    closed_ = true;
    below_->close();
}

ip_address proxied_stream::peer_address() const noexcept
{
    if (!proxy_) {
        return below_->peer_address();
    }
    return proxy_->header.source.address;  // of nobody who was not named, nor of Unix sockets
}

int proxied_stream::release_native() noexcept
{
    return has_first() ? -1 : below_->release_native();
}

}  // namespace libnet::detail
