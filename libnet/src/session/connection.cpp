#include "connection_core.hpp"

#include <libnet/session/connection.hpp>

#include <utility>

namespace libnet {
namespace {

using detail::connection_core;
using detail::operation_arguments;
using detail::operation_vtable;
using detail::operation_waiter;
using detail::readiness;

connection_core& core_of(void* source) noexcept
{
    return *static_cast<connection_core*>(source);
}

loop& home_of(void* source)
{
    return core_of(source).home();
}

constexpr operation_vtable<std::span<const bytes>> receiving_batch{
    [](void* c, operation_arguments) { return core_of(c).poll_batch(); },
    [](void* c) { return core_of(c).take_batch(); },
    [](void* c, operation_waiter<std::span<const bytes>>& w) { core_of(c).wait_batch(w); },
    [](void* c, operation_waiter<std::span<const bytes>>&) noexcept { core_of(c).abandon_batch(); },
    home_of,
};

constexpr operation_vtable<void> flushing{
    [](void* c, operation_arguments) { return core_of(c).poll_flush(); },
    [](void* c) { return core_of(c).take_flush(); },
    [](void* c, operation_waiter<void>& w) { core_of(c).wait_flush(w); },
    [](void*, operation_waiter<void>& w) noexcept { w.unlink(); },
    home_of,
};

constexpr operation_vtable<void> closing{
    [](void* c, operation_arguments) { return core_of(c).poll_close(); },
    [](void* c) { return core_of(c).take_close(); },
    [](void* c, operation_waiter<void>& w) { core_of(c).wait_close(w); },
    [](void*, operation_waiter<void>& w) noexcept { w.unlink(); },
    home_of,
};

}  // namespace

connection::connection(std::unique_ptr<stream> transport, connection_options options)
    : connection(std::move(transport),
                 std::make_shared<const detail::connection_settings>(std::move(options)))
{
}

connection::connection(std::unique_ptr<stream> transport,
                       std::shared_ptr<const detail::connection_settings> shared)
    : core_(new connection_core(std::move(transport), std::move(shared))), inbox_(&core_->frames())
{
    core_->retain();
}

connection::connection(connection&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)), inbox_(std::exchange(other.inbox_, nullptr))
{
}

connection& connection::operator=(connection&& other) noexcept
{
    std::swap(core_, other.core_);
    std::swap(inbox_, other.inbox_);
    return *this;
}

connection::~connection()
{
    if (core_ != nullptr) {
        core_->abandon();
    }
}

operation<std::span<const bytes>> connection::receive_batch()
{
    return {core_, receiving_batch};
}

operation<> connection::flush()
{
    return {core_, flushing};
}

operation<> connection::close()
{
    return {core_, closing};
}

void connection::fail(error_code why)
{
    const loop::turn this_turn(core_->home());
    core_->fail(why);
}

void connection::drain(drain_grace grace)
{
    const loop::turn this_turn(core_->home());
    core_->drain(error::draining, grace);
}

bool connection::draining() const noexcept
{
    return core_->draining();
}

const std::string& connection::peer() const noexcept
{
    return core_->peer();
}

connection_info connection::info() const
{
    return core_->info();
}

error_code connection::ended() const noexcept
{
    return core_->ended();
}

connection_ending connection::ending() const noexcept
{
    return core_->ending();
}

connection_handle connection::handle()
{
    return connection_handle(core_->link());
}

stream& connection::transport() const noexcept
{
    return core_->transport();
}

loop& connection::home() const noexcept
{
    return core_->home();
}

}  // namespace libnet
