#pragma once

#include <libnet/transport/stream.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace libnet::tests {

/// What a connection asked of its stream.
struct stream_calls {
    std::size_t reads = 0;
    std::size_t direct_writes = 0;   // try_write
    std::size_t waiting_writes = 0;  // write_some
    std::size_t largest_room = 0;
    std::size_t most_pieces = 0;
    const void* last_piece = nullptr;  // the address of the longest piece of the last direct write
    std::string order;                 // "w": written, "r": read, "h": half-closed, "c": closed

    std::size_t writes() const noexcept { return direct_writes + waiting_writes; }
};

/// Any stream, with a look at how it is used.
class counting_stream : public stream {
public:
    counting_stream(std::unique_ptr<stream> inner, std::shared_ptr<stream_calls> calls)
        : inner_(std::move(inner)), calls_(std::move(calls))
    {
    }

    loop& home() const noexcept override { return inner_->home(); }

    void read_some(mutable_bytes room, stream_events& events) override
    {
        ++calls_->reads;
        calls_->largest_room = std::max(calls_->largest_room, room.size());
        note('r');
        inner_->read_some(room, events);
    }

    bool cancel_read() noexcept override { return inner_->cancel_read(); }
    void wait_readable(stream_events& events) override { inner_->wait_readable(events); }

    void write_some(std::span<const bytes> pieces, stream_events& events) override
    {
        ++calls_->waiting_writes;
        note('w');
        inner_->write_some(pieces, events);
    }

    result<std::size_t> try_write(std::span<const bytes> pieces) override
    {
        ++calls_->direct_writes;
        calls_->most_pieces = std::max(calls_->most_pieces, pieces.size());
        calls_->last_piece = std::ranges::max_element(pieces, {}, &bytes::size)->data();
        note('w');
        return inner_->try_write(pieces);
    }

    error_code shutdown_send() noexcept override
    {
        note('h');
        return inner_->shutdown_send();
    }

    void close() noexcept override
    {
        note('c');
        inner_->close();
    }

    std::size_t arrived() const noexcept override { return inner_->arrived(); }
    std::string peer() const override { return inner_->peer(); }
    std::string local() const override { return inner_->local(); }
    ip_address peer_address() const noexcept override { return inner_->peer_address(); }
    int native_handle() const noexcept override { return inner_->native_handle(); }

private:
    void note(char what)
    {
        if (calls_->order.size() < 1000) {
            calls_->order += what;
        }
    }

    std::unique_ptr<stream> inner_;
    std::shared_ptr<stream_calls> calls_;
};

}  // namespace libnet::tests
