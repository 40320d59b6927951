#include <libnet/libnet.hpp>

#include <sstream>

libnet::task<> calculate(libnet::connection& peer)
{
    while (auto line = co_await peer.receive()) {
        std::istringstream question{libnet::to_string(*line)};
        std::ostringstream answer;
        double a = 0, b = 0;
        char sign = 0;
        question >> a >> sign >> b;
        switch (question ? sign : '?') {
        case '+': answer << a + b; break;
        case '-': answer << a - b; break;
        case '*': answer << a * b; break;
        case '/': answer << a / b; break;
        default: answer << "error: expected NUMBER + NUMBER, with one of + - * /";
        }
        co_await peer.send(answer.str());
    }
}

int main()
{
    libnet::server_options options;
    options.connection.framing = libnet::delimited("\n");
    return libnet::run(libnet::server("127.0.0.1:9000", calculate, options).run());
}
