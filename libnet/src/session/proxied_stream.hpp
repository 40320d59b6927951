#pragma once

#include <libnet/runtime/loop.hpp>
#include <libnet/transport/proxy_info.hpp>
#include <libnet/transport/stream.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace libnet::detail {

/// A stream whose beginning somebody has read: what that one read too much comes first; and whose peer
/// may be another than the one who connected. Everything else is the business of the stream below.
class proxied_stream final : public stream {
public:
    proxied_stream(std::unique_ptr<stream> below, std::vector<std::byte> first,
                   std::optional<proxy_info> proxy);

    loop& home() const noexcept override { return below_->home(); }
    void read_some(mutable_bytes room, stream_events& events) override;
    bool knows_when_empty() const noexcept override { return below_->knows_when_empty(); }
    bool cancel_read() noexcept override;
    void wait_readable(stream_events& events) override;
    void write_some(std::span<const bytes> pieces, stream_events& events) override
    {
        below_->write_some(pieces, events);
    }
    result<std::size_t> try_write(std::span<const bytes> pieces) override
    {
        return below_->try_write(pieces);
    }
    bool holds_output() const noexcept override { return below_->holds_output(); }
    error_code shutdown_send() noexcept override { return below_->shutdown_send(); }
    outlook look() const noexcept override;
    std::size_t arrived() const noexcept override
    {
        return first_.size() - given_ + below_->arrived();
    }
    void close() noexcept override;
    std::string peer() const override { return peer_.empty() ? below_->peer() : peer_; }
    std::string local() const override { return below_->local(); }
    ip_address peer_address() const noexcept override;
    int native_handle() const noexcept override { return below_->native_handle(); }
    int release_native() noexcept override;
    std::size_t memory() const noexcept override { return first_.capacity() + below_->memory(); }
    duration end_timeout() const noexcept override { return below_->end_timeout(); }
    std::optional<security_info> security() const override { return below_->security(); }
    const proxy_info* proxy() const noexcept override { return proxy_ ? &*proxy_ : nullptr; }
    std::optional<kernel_statistics> statistics() const override { return below_->statistics(); }

private:
    struct step : work_node {
        proxied_stream* owner = nullptr;
    };

    bool has_first() const noexcept { return given_ < first_.size(); }
    void answer_later(mutable_bytes room, stream_events& events);
    void answer_reader();

    std::unique_ptr<stream> below_;
    std::vector<std::byte> first_;
    std::size_t given_ = 0;  // of first_
    std::optional<proxy_info> proxy_;
    std::string peer_;
    bool closed_ = false;

    events_reference reader_;  // of first_
    mutable_bytes room_;
    step read_step_;
    step at_shutdown_;
};

}  // namespace libnet::detail
