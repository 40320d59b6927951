/// tcp_echo_server: sends every message back to whoever sent it.

#include "../support/echo_server.hpp"
#include "../support/program.hpp"

int main(int argc, char** argv)
{
    CLI::App app(
        "Listens on a TCP port or a Unix socket and sends every message back to whoever sent it.\n"
        "SIGHUP: reads the file of --config again.\n"
        "SIGINT or SIGTERM: accepts nothing more, answers what it has received, prints a\n"
        "summary and exits with 0. A second one ends it at once.\n");
    app.footer("\nTry it:\n"
               "  tcp_echo_server &\n"
               "  tcp_echo_client hello\n"
               "or, with a program that knows nothing of libnet:\n"
               "  tcp_echo_server --framing line &\n"
               "  echo hello | nc -N 127.0.0.1 9000\n");
    sample::echo_server server{.listen = "127.0.0.1:9000"};
    server.arguments.assign(argv + 1, argv + argc);
    server.add_flags(app);
    return sample::run_program("tcp_echo_server", app, argc, argv, [&] { return server.run(); });
}
