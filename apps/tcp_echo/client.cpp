/// tcp_echo_client: sends messages to an echo server and checks what comes back.

#include "../support/echo_client.hpp"
#include "../support/program.hpp"

int main(int argc, char** argv)
{
    CLI::App app(
        "Sends messages to an echo server, one after the other over one connection, or several\n"
        "at a time with --pool, and prints each reply as 'echo: ...'.\n"
        "Exit code: 0 if every reply equalled what was sent, 1 if not, 2 for wrong usage.\n");
    app.footer("\nTry it:\n"
               "  tcp_echo_client hello 'another message'\n"
               "  seq 1000 | tcp_echo_client --connect localhost:9000\n"
               "  seq 1000 | tcp_echo_client --pool 8 --retry\n"
               "  tcp_echo_client --file picture.jpg --timeout 1min > reply\n");
    sample::echo_client client("127.0.0.1:9000", "tcp_echo_server");
    client.add_flags(app);
    return sample::run_program("tcp_echo_client", app, argc, argv, [&] { return client.run(); });
}
