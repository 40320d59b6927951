#include "udp_server_state.hpp"

#include <libnet/runtime/group.hpp>
#include <libnet/runtime/shards.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/transport/network.hpp>

#include <exception>

/// A UDP server over shards: a socket and its peers on each, and whoever sees to it that they end together.
namespace libnet {
namespace {

/// A part of what there may be altogether.
std::size_t part_of(std::size_t whole, std::size_t count)
{
    return whole == no_limit ? no_limit : whole / count + (whole % count != 0 ? 1 : 0);
}

}  // namespace

task<> udp_server::run(shards& over)
{
    return [](std::shared_ptr<state> s, shards& all) -> task<> {
        co_await checked(s->run_over(all));
    }(state_, over);
}

task<> udp_server::state::run_over(shards& all)
{
    move_to(co_await this_loop());
    make_parts(all.size());
    const std::string local = co_await checked(open_everywhere(all));
    if (options.on_listening) {
        options.on_listening(local);
    }
    struct leaving {
        state& s;
        ~leaving() { s.wake.reset(); }
    };
    const leaving at_the_end{*this};
    co_await checked(serve_over(all));
}

task<> udp_server::state::serve_over(shards& all)
{
    auto serving = [&](group& tasks) -> task<> {
        const auto part = [own = shared_from_this()](std::size_t i) { return own->run_part(i); };
        tasks.start(all.on_each(part));
        co_await wait_until_stopped();
        for (const auto& part_of_it : parts) {
            part_of_it->stop();
        }
        co_await checked(shielded(never, tasks.join()));
    };
    co_await checked(with_group(serving));
}

/// If one session for a whole socket returns, all are to.
task<> udp_server::state::run_part(std::size_t i)
{
    co_await checked(parts[i]->run());
    stop();
}

void udp_server::state::make_parts(std::size_t count)
{
    udp_server_options of_part = options;
    of_part.on_listening = nullptr;
    of_part.socket.reuse_port = options.socket.reuse_port || count > 1;
    of_part.memory_budget = part_of(options.memory_budget, count);
    of_part.peers.new_peers_per_second = part_of(options.peers.new_peers_per_second, count);
    of_part.peers.max_peers = part_of(options.peers.max_peers, count);
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < count; ++i) {
        auto part = std::make_shared<state>(where, of_part);
        part->serve_socket = serve_socket;
        part->serve_peer = serve_peer;
        parts.push_back(std::move(part));
    }
}

/// All before anybody receives: with each socket more the kernel deals peers out anew. The first one
/// finds the port where the kernel may choose.
task<std::string> udp_server::state::open_everywhere(shards& all)
{
    const auto open = [](std::shared_ptr<state> part) -> task<std::string> {
        auto& net = detail::network_of(co_await detail::fiber_await{});
        part->channel = net.open_datagrams(part->where, part->options.socket);
        co_return part->channel->local().to_string();
    };
    std::string first;
    std::exception_ptr refused;
    for (std::size_t i = 0; i < all.size() && !refused; ++i) {
        try {
            const std::string local = co_await checked(all.on(i, open, parts[i]));
            first = i == 0 ? local : first;
            if (i + 1 < all.size()) {
                parts[i + 1]->where.port = endpoint::parse(first)->port;
            }
        } catch (...) {
            refused = std::current_exception();
        }
    }
    if (refused) {
        co_await checked(close_everywhere(all));
        std::rethrow_exception(refused);
    }
    co_return first;
}

/// Sockets go where they came from.
task<> udp_server::state::close_everywhere(shards& all)
{
    const auto close = [](std::shared_ptr<state> part) { part->channel.reset(); };
    for (std::size_t i = 0; i < all.size(); ++i) {
        (void)co_await all.on(i, close, parts[i]);
    }
}

}  // namespace libnet
