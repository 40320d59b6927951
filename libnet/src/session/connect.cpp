#include <libnet/session/connect.hpp>

#include "../transport/connect_within.hpp"
#include "../transport/dial.hpp"
#include "proxy_arrival.hpp"

#include <utility>

namespace libnet {
namespace {

/// A transport over which nothing was said yet but for whom it is.
task<std::unique_ptr<stream>> reach(const endpoint& where, connect_options& options)
{
    auto dialling = detail::dial(where, options.socket, std::move(options.on_address_failed));
    auto transport = co_await checked(std::move(dialling));
    if (options.proxy) {
        auto sending = detail::send_proxy_header(std::move(transport), *options.proxy);
        transport = co_await checked(std::move(sending));
    }
    co_return std::move(transport);
}

task<connection> connect_parsed(result<endpoint> where, connect_options options)
{
    endpoint parsed = co_await checked(std::move(where));
    auto connecting = detail::connect_within(options.connect_timeout, reach(parsed, options));
    auto transport = co_await checked(std::move(connecting));
    if (options.layer) {
        auto building = options.layer(std::move(transport), std::move(parsed));
        transport = co_await checked(std::move(building));
    }
    co_return connection(std::move(transport), std::move(options.connection));
}

}  // namespace

task<connection> connect(std::string_view where, any_framing framing)
{
    connect_options options;
    options.connection.framing = std::move(framing);
    return connect_parsed(endpoint::parse(where), std::move(options));
}

task<connection> connect(std::string_view where, const connect_options& options)
{
    return connect_parsed(endpoint::parse(where), options);
}

}  // namespace libnet
