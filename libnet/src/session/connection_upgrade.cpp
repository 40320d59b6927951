#include "connection_core.hpp"

#include <libnet/runtime/timer.hpp>

#include <memory>
#include <utility>

/// A layer that comes between a connection and its transport while it lives: STARTTLS.
namespace libnet {

namespace detail {
namespace {

/// What a connection stands on while its transport is in other hands. Nobody reads or writes here.
class no_stream final : public stream {
public:
    explicit no_stream(const stream& instead_of)
        : home_(instead_of.home()), peer_(instead_of.peer()), local_(instead_of.local())
    {
    }

    loop& home() const noexcept override { return home_; }
    void read_some(mutable_bytes, stream_events&) override {}
    void write_some(std::span<const bytes>, stream_events&) override {}
    result<std::size_t> try_write(std::span<const bytes>) override { return 0U; }
    error_code shutdown_send() noexcept override { return {}; }
    void close() noexcept override {}
    std::string peer() const override { return peer_; }
    std::string local() const override { return local_; }

private:
    loop& home_;
    std::string peer_;
    std::string local_;
};

/// Until the layer is ready the connection believes that it is reading and writing: it gathers what
/// is sent, and begins nothing. If it never becomes ready, the connection has no stream any more.
class borrowed_transport {
public:
    explicit borrowed_transport(connection_core& core) : core_(core) { core.retain(); }
    borrowed_transport(const borrowed_transport&) = delete;
    borrowed_transport& operator=(const borrowed_transport&) = delete;
    ~borrowed_transport()
    {
        if (!given_back_) {
            core_.lose_transport(why);
        }
        core_.release();
    }

    void give_back(std::unique_ptr<stream> ready)
    {
        given_back_ = true;
        core_.put_transport(std::move(ready));
    }

    error_code why = error::cancelled;

private:
    connection_core& core_;
    bool given_back_ = false;
};

}  // namespace

/// False while a read is still under way, which it has asked to end. That of a parked connection, too.
bool connection_core::stop_reading()
{
    read_later().unlink();
    if (reading_) {
        parked_ = stream_->cancel_read();
        if (!parked_) {
            fail(error::not_supported);
        }
    }
    return !reading_ || has_failed();
}

/// What nobody has looked at yet came before the layer was agreed on: whoever is on the way may have
/// put it there, for a session that will take it for protected.
bool connection_core::has_early_bytes()
{
    if (has_heartbeat()) {
        absorb_heartbeats();
    }
    return inbox_.received.size() != inbox_.handed_out;
}

std::unique_ptr<stream> connection_core::take_transport()
{
    auto instead = std::make_unique<no_stream>(*stream_);
    reading_ = writing_ = true;
    if (flight_) {
        flight_->due = end_of_time;
    }
    return std::exchange(stream_, std::move(instead));
}

void connection_core::put_transport(std::unique_ptr<stream> ready)
{
    stream_ = std::move(ready);
    reading_ = writing_ = false;
    if (closed_ || broken_) {
        stream_->close();
        return;
    }
    output_moved();
    if (!out_.empty()) {
        flush();
    }
    if (somebody_receives()) {
        begin_receive();
    }
    go_on_closing();
}

void connection_core::lose_transport(const error_code& why)
{
    const loop::turn this_turn(loop_);
    break_off(why);
    reading_ = writing_ = false;
}

namespace {

task<> build_layer(connection_core& core, stream_layer layer, std::string host)
{
    while (!core.stop_reading()) {
        co_await checked(yield());
    }
    if (core.ended()) {
        co_await fail(core.ended());
    }
    if (core.has_early_bytes()) {
        core.fail(error::early_bytes);
        co_await fail(error::early_bytes);
    }
    borrowed_transport borrowed(core);
    endpoint where;
    where.host = std::move(host);
    auto building = layer(core.take_transport(), std::move(where));
    auto ready = co_await std::move(building);
    if (!ready) {
        borrowed.why = ready.error();
        co_await fail(ready.error());
    }
    borrowed.give_back(std::move(*ready));
}

}  // namespace
}  // namespace detail

task<> connection::upgrade(stream_layer layer, std::string host)
{
    return [](connection& self, stream_layer with, std::string whom) -> task<> {
        co_await checked(self.flush());
        co_await checked(detail::build_layer(self.core(), std::move(with), std::move(whom)));
    }(*this, std::move(layer), std::move(host));
}

}  // namespace libnet
