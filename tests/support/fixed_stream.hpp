#pragma once

#include <libnet/runtime/loop.hpp>
#include <libnet/transport/stream.hpp>

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <string>

namespace libnet::tests {

/// Two streams in memory that allocate nothing once they exist, and count how they are used.
class fixed_pair {
    struct pipe : detail::work_node {
        explicit pipe(loop& h) : home(h), ring(std::make_unique<std::byte[]>(size))
        {
            run = [](detail::work_node& n) { static_cast<pipe&>(n).finish_read(); };
        }

        std::size_t put(std::span<const bytes> pieces)
        {
            std::size_t count = 0;
            for (const bytes piece : pieces) {
                const std::size_t part = std::min(piece.size(), size - (written - read));
                if (part == 0) {
                    continue;
                }
                const std::size_t at = written % size;
                const std::size_t before_the_edge = std::min(part, size - at);
                std::memcpy(&ring[at], piece.data(), before_the_edge);
                std::memcpy(&ring[0], piece.data() + before_the_edge, part - before_the_edge);
                written += part;
                count += part;
            }
            wake();
            return count;
        }

        void wake()
        {
            if (reader && (written != read || ended) && !linked()) {
                home.ready(*this);
            }
        }

        void finish_read()
        {
            const events_reference to = std::move(reader);
            const loop::turn this_turn(home);
            const std::size_t count = std::min(room.size(), written - read);
            const std::size_t at = read % size;
            const std::size_t before_the_edge = std::min(count, size - at);
            std::memcpy(room.data(), &ring[at], before_the_edge);
            std::memcpy(room.data() + before_the_edge, &ring[0], count - before_the_edge);
            read += count;
            to->on_read(count == 0 ? make_error_code(error::closed) : error_code(), count);
        }

        static constexpr std::size_t size = 1 << 21;

        loop& home;
        std::unique_ptr<std::byte[]> ring;
        std::size_t written = 0;
        std::size_t read = 0;
        bool ended = false;
        mutable_bytes room;
        events_reference reader;
        std::size_t reads = 0;
        std::size_t writes = 0;
    };

    class end final : public stream {
    public:
        end(std::shared_ptr<pipe> in, std::shared_ptr<pipe> out)
            : in_(std::move(in)), out_(std::move(out))
        {
        }
        ~end() override { close(); }

        loop& home() const noexcept override { return in_->home; }
        void read_some(mutable_bytes room, stream_events& events) override
        {
            ++in_->reads;
            in_->room = room;
            in_->reader = events_reference(events);
            in_->wake();
        }
        void write_some(std::span<const bytes>, stream_events&) override { std::terminate(); }
        result<std::size_t> try_write(std::span<const bytes> pieces) override
        {
            ++out_->writes;
            return out_->put(pieces);
        }
        error_code shutdown_send() noexcept override
        {
            out_->ended = true;
            out_->wake();
            return {};
        }
        void close() noexcept override
        {
            (void)shutdown_send();
            in_->unlink();
            in_->reader = {};
        }
        std::string peer() const override { return "peer"; }
        std::string local() const override { return "local"; }

    private:
        std::shared_ptr<pipe> in_;
        std::shared_ptr<pipe> out_;
    };

public:
    explicit fixed_pair(loop& home)
        : forward_(std::make_shared<pipe>(home)), backward_(std::make_shared<pipe>(home))
    {
    }

    std::unique_ptr<stream> left() { return std::make_unique<end>(backward_, forward_); }
    std::unique_ptr<stream> right() { return std::make_unique<end>(forward_, backward_); }

    /// Of the right end.
    std::size_t reads() const noexcept { return forward_->reads; }
    std::size_t writes() const noexcept { return backward_->writes; }

private:
    std::shared_ptr<pipe> forward_;
    std::shared_ptr<pipe> backward_;
};

}  // namespace libnet::tests
