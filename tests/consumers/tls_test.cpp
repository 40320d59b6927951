// A client asks a server over TLS on a real socket, and pins the certificate that the server made.

#include <libnet/libnet.hpp>
#include <libnet/tls.hpp>

#include <cstdio>
#include <string>

using namespace libnet;

task<> echo(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

task<std::string> ask_over_tls()
{
    tls_server_options served;
    served.certificates = {tls_certificate::self_signed()};
    tls_client_options expected;
    expected.pinned = {served.certificates.front().fingerprint()};
    server_options over_tls;
    over_tls.layer = tls_context::server(served);
    connect_options to_it;
    to_it.layer = tls_context::client(expected);

    loop& here = co_await this_loop();
    auto socket = tcp::listen(here, endpoint{"127.0.0.1", 0});
    const std::string where = socket->local();
    server echoing(std::move(socket), echo, over_tls);
    std::string answer;
    const auto ask = [&](group& tasks) -> task<> {
        tasks.start(echoing.run());
        auto client = co_await checked(connect(where, to_it));
        co_await checked(client.send("hello"));
        const bytes frame = co_await checked(client.receive());
        answer = to_string(frame);
    };
    co_await checked(with_group(ask));
    co_return answer;
}

task<int> test()
{
    const result<std::string> answer = co_await ask_over_tls();
    std::printf("over TLS: %s\n", answer ? answer->c_str() : answer.error().message().c_str());
    co_return answer && *answer == "hello" ? 0 : 1;
}

int main() { return run(test()); }
