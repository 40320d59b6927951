#pragma once

#include "pipe.hpp"

#include <libnet/transport/stream.hpp>

#include <memory>
#include <string>
#include <utility>

namespace libnet::testing {

/// One end of two pipes.
class memory_stream final : public stream {
public:
    memory_stream(loop& home, std::shared_ptr<stream_pair::pipe> in,
                  std::shared_ptr<stream_pair::pipe> out, std::string own, std::string other,
                  const ip_address& address = {})
        : home_(home),
          in_(std::move(in)),
          out_(std::move(out)),
          local_(std::move(own)),
          peer_(std::move(other)),
          address_(address)
    {
    }

    ~memory_stream() override { close(); }

    loop& home() const noexcept override { return home_; }
    void read_some(mutable_bytes room, stream_events& events) override { in_->read(room, events); }
    bool cancel_read() noexcept override
    {
        in_->cancel_read();
        return true;
    }
    void wait_readable(stream_events& events) override { in_->read({}, events); }
    void write_some(std::span<const bytes> pieces, stream_events& events) override
    {
        out_->write(pieces, events);
    }
    result<std::size_t> try_write(std::span<const bytes> pieces) override
    {
        return out_->write_now(pieces);
    }
    error_code shutdown_send() noexcept override
    {
        out_->end_writing();
        return {};
    }
    void close() noexcept override
    {
        if (home_.shutting_down()) {
            in_->drop();
            out_->drop();
        } else if (!std::exchange(closed_, true)) {
            in_->close_reader();
            out_->end_writing();
        }
    }
    std::size_t arrived() const noexcept override { return in_->arrived(); }
    std::string peer() const override { return peer_; }
    std::string local() const override { return local_; }
    ip_address peer_address() const noexcept override { return address_; }

private:
    loop& home_;
    std::shared_ptr<stream_pair::pipe> in_;
    std::shared_ptr<stream_pair::pipe> out_;
    bool closed_ = false;
    std::string local_;
    std::string peer_;
    ip_address address_;
};

}  // namespace libnet::testing
