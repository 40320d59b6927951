#include "dial.hpp"

#include <libnet/policy/happy_eyeballs.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/wait_list.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/transport/network.hpp>

#include <boost/system/errc.hpp>

#include <optional>
#include <utility>
#include <vector>

namespace libnet::detail {
namespace {

namespace errc = boost::system::errc;

/// It says nothing about the server, only about the way there.
bool is_about_the_way(const error_code& why)
{
    return why == errc::network_unreachable || why == errc::host_unreachable ||
           why == errc::address_family_not_supported || why == errc::address_not_available;
}

class race {
public:
    race(loop& home, network& net, std::vector<socket_address> addresses, socket_options options,
         const on_address_failed& tell)
        : home_(home),
          net_(net),
          addresses_(std::move(addresses)),
          options_(std::move(options)),
          tell_(tell),
          pace_(addresses_.size()),
          changed_(home)
    {
    }

    task<> run(group& attempts)
    {
        while (!winner_ && !pace_.lost()) {
            while (const auto next = pace_.next(home_.now())) {
                attempts.start(attempt(addresses_[*next]));
            }
            const time_point due = pace_.due();
            const duration wait = due == end_of_time ? never : due - home_.now();
            const auto woken = co_await within(wait, changed_.wait());
            if (woken.has_error() && (woken.error() != error::timeout || home_.now() < due)) {
                out_of_time_ = woken.error() == error::timeout;
                co_await fail(woken.error());
            }
        }
    }

    result<std::unique_ptr<stream>> take()
    {
        if (winner_) {
            return std::move(winner_);
        }
        return why_;
    }

private:
    task<> attempt(const socket_address& to)
    {
        auto connecting = net_.connect(to, options_);
        auto connected = co_await std::move(connecting);
        if (connected && !winner_) {
            winner_ = std::move(*connected);
        } else if (connected.has_error()) {
            failed(to, connected.error());
        }
        changed_.wake_all();
    }

    void failed(const socket_address& to, error_code why)
    {
        if (why == error::cancelled) {
            if (!out_of_time_) {
                return;  // another one has won, or nobody wants any
            }
            why = error::connect_timeout;
        }
        pace_.failed();
        if (!is_about_the_way(why) || is_about_the_way(why_) || !why_) {
            why_ = why;
        }
        if (tell_) {
            tell_(to.to_string(), why);
        }
    }

    loop& home_;
    network& net_;
    std::vector<socket_address> addresses_;
    socket_options options_;
    const on_address_failed& tell_;
    happy_eyeballs pace_;
    wait_list changed_;
    std::unique_ptr<stream> winner_;
    error_code why_;
    bool out_of_time_ = false;
};

/// In the order in which they are to be tried; only those that can be reached from `local`.
std::vector<socket_address> in_order(std::vector<socket_address> found,
                                     const std::optional<socket_address>& local)
{
    if (local && !local->address.empty()) {
        std::erase_if(found, [&](const socket_address& a) {
            return a.address.is_v6() != local->address.is_v6();
        });
    }
    std::vector<ip_address> plain;
    for (const socket_address& one : found) {
        plain.push_back(one.address);
    }
    std::vector<socket_address> ordered;
    for (const std::size_t place : interleave_families(plain)) {
        ordered.push_back(found[place]);
    }
    return ordered;
}

}  // namespace

task<std::unique_ptr<stream>> dial(endpoint where, socket_options options, on_address_failed tell)
{
    network& net = network_of(co_await fiber_await{});
    if (where.is_unix()) {
        const std::string name = where.to_string();
        auto connecting = net.connect_path(std::move(where.path), std::move(options));
        auto connected = co_await std::move(connecting);
        if (connected.has_error() && tell) {
            tell(name, connected.error());
        }
        co_return std::move(connected);
    }
    loop& home = co_await this_loop();
    auto resolving = net.resolve(std::move(where));
    auto found = co_await checked(std::move(resolving));
    found = in_order(std::move(found), options.local_address);
    if (found.empty()) {
        co_return errc::make_error_code(errc::address_family_not_supported);
    }
    race attempts(home, net, std::move(found), std::move(options), tell);
    auto until_one_wins = [&](group& g) -> task<> { co_await checked(attempts.run(g)); };
    co_await checked(with_group(until_one_wins));
    co_return attempts.take();
}

}  // namespace libnet::detail
