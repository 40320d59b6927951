#pragma once

#include "echo_dialogue.hpp"
#include "echo_line.hpp"
#include "echo_pool.hpp"
#include "experiments.hpp"
#include "flags.hpp"
#include "proxy_flags.hpp"
#include "timeout_flags.hpp"

#include <libnet/libnet.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

namespace sample {

/// What the echo clients have in common: all but what lies between the transport and the connection.
struct echo_client : echo_dialogue {
    flags::sent_proxy proxy{};

    echo_client(std::string server, std::string program)
    {
        connect = std::move(server);
        server_program = std::move(program);
    }

    void add_flags(CLI::App& app)
    {
        messages.add_flags(app);
        flags::add_endpoint(app, "--connect", connect, "The server");
        flags::add_framing(app, framing);
        flags::add_duration(app, "--timeout", timeout,
                            "Bounds connecting, and each message until its whole reply is there");
        flags::add_duration(app, "--connect-timeout", options.connect_timeout,
                            "Bounds each attempt to connect");
        app.add_flag("--retry", retry,
                     "When the server cannot be reached or the connection ends, connect again\n"
                     "and send again what was not answered, until --timeout");
        auto* const shared =
            app.add_option("--pool", pool_size,
                           "Send so many messages at a time, over as many connections at most;\n"
                           "replies are printed as they come, and in the end what the pool did")
                ->type_name("N")
                ->check(CLI::Range(1, 10'000).description(""));
        flags::add_heartbeat(app, options.connection);
        proxy.add_flags(app);
        flags::add_experiments(app, experiment);
        shared->excludes("--never-read");
    }

    /// Sends everything and compares what comes back; the program's exit code. Throws a failure.
    int run()
    {
        options.connect_timeout = std::min(options.connect_timeout, timeout);
        options.socket = experiment.socket;
        options.proxy = proxy.header();
        options.connection.framing = flags::make_framing(framing, std::size_t{1} << 30);
        // --timeout bounds each exchange as a whole.
        options.connection.frame_timeout = libnet::never;
        options.connection.send_timeout = libnet::never;
        options.connection.close_timeout = std::chrono::milliseconds(500);  // all is said by then
        // Nothing is lost that Ctrl+C could save.
        const libnet::run_options how{.on_signal = libnet::run_options::signals::ignore};
        if (pool_size != 0) {
            echo_pool over_a_pool(*this, pool_size);
            return libnet::run(over_a_pool.run(), how);
        }
        echo_line over_one(*this);
        return libnet::run(over_one.run(), how);
    }

private:
    std::size_t pool_size = 0;  // none
};

}  // namespace sample
