#pragma once

#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/wait_list.hpp>
#include <libnet/session/connection.hpp>
#include <libnet/testing/simulation.hpp>
#include <libnet/testing/stream_pair.hpp>
#include <libnet/transport/network.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace libnet::tests {

/// A network in which a test says of each address what becomes of an attempt, and notes when it was
/// made. Whoever is connected meets `serve`.
class scripted_network final : public network {
public:
    struct fate {
        duration after{};  ///< never: nobody answers
        error_code why{};  ///< none: connected
        detail::wait_list* until = nullptr;  ///< and somebody opens it
    };

    explicit scripted_network(testing::simulation& sim) : sim_(sim), begun_(sim.now())
    {
        sim.home().use_network(*this);
    }

    static fate answered(duration after = {}) { return {after}; }
    static fate silent() { return {never}; }
    static fate refused(duration after = {})
    {
        return {after, make_error_code(boost::system::errc::connection_refused)};
    }
    static fate unreachable()
    {
        return {{}, make_error_code(boost::system::errc::network_unreachable)};
    }

    task<std::vector<socket_address>> resolve(endpoint where) override
    {
        if (const auto numeric = ip_address::parse(where.host)) {
            std::vector<socket_address> itself(1);
            itself.front().address = *numeric;
            itself.front().port = where.port;
            co_return itself;
        }
        co_await checked(sleep_for(resolving));
        const auto known = hosts.find(where.host);
        if (known == hosts.end()) {
            co_return error::host_not_found;
        }
        std::vector<socket_address> found;
        for (const std::string& text : known->second) {
            found.push_back({ip_address::parse(text).value(), where.port});
        }
        co_return found;
    }

    task<std::unique_ptr<stream>> connect(socket_address to, socket_options) override
    {
        const std::string address = to.address.to_string();
        attempts.push_back(address + " at " + std::to_string(elapsed()));
        const counted here(under_way);
        const fate what = fates.contains(address) ? fates[address] : usual;
        co_await checked(sleep_for(what.after));
        if (what.until != nullptr) {
            co_await checked(what.until->wait());
        }
        if (what.why) {
            co_return what.why;
        }
        testing::stream_pair between(sim_.home(), forward, backward);
        ++connected;
        sim_.start(run(between.take_right()));
        co_return between.take_left();
    }

    task<std::unique_ptr<stream>> connect_path(std::string, socket_options how) override
    {
        socket_address anywhere;
        return connect(anywhere, how);
    }

    std::unique_ptr<listener> listen(const endpoint&, const socket_options&) override
    {
        throw boost::system::system_error(error::not_supported);
    }

    std::int64_t elapsed() const
    {
        return std::chrono::duration_cast<std::chrono::milliseconds>(sim_.now() - begun_).count();
    }

    std::map<std::string, std::vector<std::string>> hosts{};
    std::map<std::string, fate> fates{};
    fate usual = answered();  ///< of all other addresses
    duration resolving{};
    std::function<task<>(connection&)> serve = nullptr;
    connection_options options{};  ///< of the server's side
    testing::pipe_options forward{};
    testing::pipe_options backward{};

    std::vector<std::string> attempts{};  ///< "192.0.2.1 at 250": milliseconds from the beginning
    int under_way = 0;                    ///< attempts that have not ended
    int connected = 0;

private:
    struct counted {
        explicit counted(int& n) : count(n) { ++count; }
        counted(const counted&) = delete;
        ~counted() { --count; }
        int& count;
    };

    task<> run(std::unique_ptr<stream> transport)
    {
        connection peer(std::move(transport), options);
        if (serve) {
            auto serving = serve(peer);
            (void)co_await std::move(serving);
        }
        (void)co_await peer.close();
    }

    testing::simulation& sim_;
    time_point begun_;
};

}  // namespace libnet::tests
