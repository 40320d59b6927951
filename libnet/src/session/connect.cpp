#include <libnet/session/connect.hpp>

#include <libnet/transport/tcp.hpp>
#include <libnet/transport/unix_domain.hpp>

#include <utility>

namespace libnet {
namespace {

task<connection> connect_parsed(result<endpoint> where, connect_options options)
{
    endpoint parsed = co_await checked(std::move(where));
    auto connecting =
        parsed.is_unix()
            ? unix_domain::connect(parsed.path, options.socket, options.connect_timeout)
            : tcp::connect(parsed, options.socket, options.connect_timeout);
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
