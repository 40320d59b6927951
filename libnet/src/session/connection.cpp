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
    [](void* c, operation_waiter<std::span<const bytes>>&) noexcept {
        core_of(c).abandon_receive();
    },
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
{
    auto* const core = new connection_core(std::move(transport), std::move(shared));
    core->retain();
    inbox_ = &core->frames();
    outbox_ = &core->output();
}

connection::connection(connection&& other) noexcept
    : inbox_(std::exchange(other.inbox_, nullptr)), outbox_(std::exchange(other.outbox_, nullptr))
{
}

connection& connection::operator=(connection&& other) noexcept
{
    std::swap(inbox_, other.inbox_);
    std::swap(outbox_, other.outbox_);
    return *this;
}

connection::~connection()
{
    if (inbox_ != nullptr) {
        core().abandon();
    }
}

operation<std::span<const bytes>> connection::receive_batch()
{
    return {&core(), receiving_batch};
}

operation<> connection::flush()
{
    return {&core(), flushing};
}

operation<> connection::close()
{
    return {&core(), closing};
}

void connection::fail(error_code why)
{
    const loop::turn this_turn(core().home());
    core().fail(why);
}

void connection::drain(drain_grace grace)
{
    const loop::turn this_turn(core().home());
    core().drain(error::draining, grace);
}

bool connection::draining() const noexcept
{
    return core().draining();
}

std::string connection::peer() const
{
    return core().transport().peer();
}

connection_info connection::info() const
{
    return core().info();
}

error_code connection::ended() const noexcept
{
    return core().ended();
}

connection_ending connection::ending() const noexcept
{
    return core().ending();
}

connection_handle connection::handle()
{
    return connection_handle(core().link());
}

stream& connection::transport() const noexcept
{
    return core().transport();
}

loop& connection::home() const noexcept
{
    return core().home();
}

}  // namespace libnet
