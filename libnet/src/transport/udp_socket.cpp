#include <libnet/transport/udp_socket.hpp>

#include "datagram_endpoint.hpp"
#include "udp_core.hpp"

#include <libnet/transport/endpoint.hpp>
#include <libnet/transport/network.hpp>

#include <boost/system/system_error.hpp>

#include <string>
#include <utility>

namespace libnet {
namespace detail {
namespace {

struct flushing {
    static readiness poll(void* self, operation_arguments)
    {
        return static_cast<udp_core*>(self)->poll_flush();
    }
    static result<> take(void* self)
    {
        const error_code& why = static_cast<udp_core*>(self)->failure();
        return why ? failed<void>(why) : result<>();
    }
    static void start(void* self, operation_waiter<void>& w)
    {
        static_cast<udp_core*>(self)->wait_flush(w);
    }
    static void abandon(void*, operation_waiter<void>& w) noexcept { w.unlink(); }
    static loop& home(void* self) { return static_cast<udp_core*>(self)->home(); }

    static constexpr operation_vtable<void> table{poll, take, start, abandon, home};
};

udp_core* make_core(std::unique_ptr<datagram_channel> channel, udp_options options)
{
    auto* core = new udp_core(std::move(channel), std::move(options));
    core->retain();
    return core;
}

std::unique_ptr<datagram_channel> open_in(network& net, std::string_view where,
                                          const udp_options& options)
{
    const auto local = datagram_endpoint(where);
    if (!local) {
        throw boost::system::system_error(local.error(),
                                          "cannot listen on '" + std::string(where) + "'");
    }
    return net.open_datagrams(*local, options);
}

}  // namespace

readiness look_for_datagram(datagram_inbox& i)
{
    return i.core.poll_receive();
}

result<datagram> why_no_datagram(const datagram_inbox& i)
{
    return i.core.why_no_datagram();
}

void wait_for_datagram(void* i, operation_waiter<datagram>& w)
{
    static_cast<datagram_inbox*>(i)->core.wait_datagram(w);
}

void abandon_datagram(void* i, operation_waiter<datagram>&) noexcept
{
    static_cast<datagram_inbox*>(i)->core.abandon_datagram();
}

loop& home_of_datagrams(void* i)
{
    return static_cast<datagram_inbox*>(i)->core.home();
}

}  // namespace detail

udp_socket::udp_socket(loop& home, std::string_view where, udp_options options)
    : udp_socket(detail::open_in(network_of(home), where, options), std::move(options))
{
}

udp_socket::udp_socket(std::unique_ptr<datagram_channel> channel, udp_options options)
    : core_(detail::make_core(std::move(channel), std::move(options))), inbox_(&core_->inbox())
{
}

task<udp_socket> udp_socket::open(std::string_view where, const udp_options& options)
{
    return [](std::string on, udp_options o) -> task<udp_socket> {
        network& net = detail::network_of(co_await detail::fiber_await{});
        co_return udp_socket(detail::open_in(net, on, o), o);
    }(std::string(where), options);
}

task<udp_socket> udp_socket::open(std::string_view where)
{
    return open(where, static_cast<const udp_options&>(udp_options{}));
}

task<udp_socket> udp_socket::connect(std::string_view where, const udp_options& options)
{
    return [](result<endpoint> to, udp_options o) -> task<udp_socket> {
        if (!to) {
            co_return to.error();
        }
        network& net = detail::network_of(co_await detail::fiber_await{});
        auto resolving = net.resolve(*to);
        const auto addresses = co_await checked(std::move(resolving));
        auto channel = net.connect_datagrams(addresses.front(), o);
        if (!channel) {
            co_return channel.error();
        }
        udp_socket connected(std::move(*channel), o);
        connected.core_->peer_is(addresses.front());
        co_return std::move(connected);
    }(detail::datagram_endpoint(where), options);
}

udp_socket::udp_socket(udp_socket&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)), inbox_(std::exchange(other.inbox_, nullptr))
{
}

udp_socket& udp_socket::operator=(udp_socket&& other) noexcept
{
    udp_socket taken(std::move(other));
    std::swap(core_, taken.core_);
    std::swap(inbox_, taken.inbox_);
    return *this;
}

udp_socket::~udp_socket()
{
    if (core_ != nullptr) {
        core_->close();
        core_->release();
    }
}

result<> udp_socket::send_to(const socket_address& to, bytes payload)
{
    return core_->send(to, {}, payload);
}

result<> udp_socket::reply(const datagram& received, bytes payload)
{
    return core_->send(received.from(), received.to(), payload);
}

operation<> udp_socket::flush()
{
    return {core_, detail::flushing::table};
}

result<> udp_socket::join(const ip_address& group, std::string_view interface)
{
    const error_code failed = core_->channel().join(group, interface);
    return failed ? detail::failed<void>(failed) : result<>();
}

result<> udp_socket::leave(const ip_address& group, std::string_view interface)
{
    const error_code failed = core_->channel().leave(group, interface);
    return failed ? detail::failed<void>(failed) : result<>();
}

const socket_address& udp_socket::local() const noexcept
{
    return core_->local();
}

const socket_address& udp_socket::peer() const noexcept
{
    return core_->peer();
}

udp_stats udp_socket::stats() const noexcept
{
    return core_->stats();
}

void udp_socket::close() noexcept
{
    core_->close();
}

detail::udp_core& detail::core_of(const udp_socket& socket) noexcept
{
    return *socket.core_;
}

datagram_channel& udp_socket::channel() const noexcept
{
    return core_->channel();
}

loop& udp_socket::home() const noexcept
{
    return core_->home();
}

}  // namespace libnet
