#include "simulated_listener.hpp"

#include <algorithm>
#include <utility>

namespace libnet::testing {

simulated_listener* simulated_ports::find(const socket_address& where) const
{
    const auto at = listening.find(where.port);
    if (at == listening.end()) {
        return nullptr;
    }
    simulated_listener* any = nullptr;
    for (simulated_listener* const listener : at->second) {
        if (listener->where().address == where.address) {
            return listener;
        }
        if (listener->where().address.empty()) {
            any = listener;
        }
    }
    return any;
}

simulated_listener::simulated_listener(simulated_network::state& net,
                                       std::shared_ptr<simulated_ports> ports, socket_address where,
                                       std::string text, std::size_t backlog)
    : ports_(std::move(ports)),
      where_(where),
      text_(std::move(text)),
      backlog_(backlog),
      arrival_(net.home)
{
    ports_->listening[where.port].push_back(this);
    close_with(net.home);
}

simulated_listener::simulated_listener(simulated_network::state& net,
                                       std::shared_ptr<simulated_ports> ports, std::string path,
                                       std::size_t backlog)
    : ports_(std::move(ports)),
      path_(std::move(path)),
      text_("unix:" + path_),
      backlog_(backlog),
      arrival_(net.home)
{
    ports_->paths[path_] = this;
    close_with(net.home);
}

void simulated_listener::close_with(loop& home) noexcept
{
    at_the_end_.owner = this;
    at_the_end_.run = [](libnet::detail::work_node& n) {
        static_cast<end_of_loop&>(n).owner->close();
    };
    home.at_shutdown(at_the_end_);
}

task<std::unique_ptr<stream>> simulated_listener::accept()
{
    while (coming_.empty()) {
        if (!open_) {
            co_return error::closed;
        }
        arrival_.expires_at(end_of_time);
        co_await checked(arrival_.wait());
    }
    auto client = std::move(coming_.front());
    coming_.pop_front();
    co_return std::move(client);
}

void simulated_listener::come(std::unique_ptr<stream> client)
{
    coming_.push_back(std::move(client));
    arrival_.expires_after(duration::zero());
}

bool simulated_listener::end_arrivals() noexcept
{
    if (!std::exchange(open_, false)) {
        return !coming_.empty();
    }
    if (!path_.empty()) {
        ports_->paths.erase(path_);
    } else {
        auto& here = ports_->listening[where_.port];
        std::erase(here, this);
        if (here.empty()) {
            ports_->listening.erase(where_.port);
        }
    }
    arrival_.expires_after(duration::zero());
    return true;
}

void simulated_listener::close() noexcept
{
    (void)end_arrivals();
    coming_.clear();
}

}  // namespace libnet::testing
