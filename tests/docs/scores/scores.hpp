// [framing]
#pragma once

#include <libnet/libnet.hpp>
#include <libnet/tls.hpp>

#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

// | 05 | Hello |   One byte says how long a message is: up to 255 bytes.
class short_messages {
public:
    libnet::decoded decode(libnet::bytes received) const noexcept
    {
        if (received.empty()) {
            return libnet::decoded::incomplete(1);
        }
        const auto size = std::to_integer<std::size_t>(received[0]);
        if (received.size() < 1 + size) {
            return libnet::decoded::incomplete(1 + size);
        }
        return libnet::decoded::frame(1, size, 1 + size);
    }

    void encode(libnet::bytes payload, libnet::envelope& out) const noexcept
    {
        if (payload.size() > 255) {
            out.refusal = libnet::error::frame_too_large;
            return;
        }
        out.scratch[0] = static_cast<std::byte>(payload.size());
        out.head = libnet::bytes(out.scratch).first(1);
    }
};
// [end]

// [scoreboard]
class scoreboard {
public:
    // "add NAME POINTS" and "get NAME" answer the sum of NAME.
    std::string answer(std::string_view request)
    {
        std::istringstream words{std::string(request)};
        std::string verb;
        std::string name;
        int points = 0;
        words >> verb >> name;
        if (verb == "add" && words >> points) {
            if (sums_.size() == most_names && !sums_.contains(name)) {
                return "error: too many names";
            }
            return std::to_string(sums_[name] += points);
        }
        if (verb == "get" && !name.empty()) {
            const auto found = sums_.find(name);
            return found == sums_.end() ? "0" : std::to_string(found->second);
        }
        return "error: expected add NAME POINTS, or get NAME";
    }

    static constexpr std::size_t most_names = 10'000;  // nothing grows without a bound

private:
    std::map<std::string, long long> sums_;
};

inline libnet::task<> keep_score(libnet::connection& peer, scoreboard& scores)
{
    while (auto request = co_await peer.receive()) {
        co_await peer.send(scores.answer(libnet::as_text(*request)));
    }
}
// [end]

// [ask]
inline libnet::task<std::string> ask(libnet::pool& servers, std::string_view request)
{
    using namespace libnet::literals;
    auto server = co_await libnet::checked(servers.borrow());
    co_await libnet::checked(server->send(request));
    const libnet::bytes answer = co_await libnet::checked(libnet::within(2s, server->receive()));
    co_return libnet::to_string(answer);
}  // the connection goes back to the pool here
// [end]

// [options]
inline libnet::server_options serving_as(const libnet::tls_certificate& certificate)
{
    libnet::tls_server_options tls;
    tls.certificates = {certificate};
    libnet::server_options options;
    options.connection.framing = short_messages();
    options.layer = libnet::tls_context::server(tls);
    return options;
}

inline libnet::pool_options trusting(const std::string& authority)
{
    libnet::tls_client_options tls;
    tls.authorities = authority;
    libnet::pool_options options;
    options.connect.connection.framing = short_messages();
    options.connect.layer = libnet::tls_context::client(tls);
    return options;
}
// [end]
