/// key_value_server: remembers what it is told, until it ends.

#include "../support/flags.hpp"
#include "../support/program.hpp"

#include <libnet/libnet.hpp>

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace libnet;

/// "SET key value", "GET key", "PING": a message each, and a message back.
class store {
public:
    explicit store(std::size_t most_keys) : most_keys_(most_keys) {}

    std::string answer(std::string_view request)
    {
        const auto word = [&request] {
            const std::string_view first = request.substr(0, request.find(' '));
            request.remove_prefix(std::min(request.size(), first.size() + 1));
            return std::string(first);
        };
        const std::string verb = word();
        if (verb == "PING") {
            return "PONG";
        }
        const std::string key = word();
        if (verb == "SET") {
            if (values_.size() >= most_keys_ && !values_.contains(key)) {
                return "ERROR full";
            }
            values_[key] = request;
            return "OK";
        }
        if (verb == "GET") {
            const auto found = values_.find(key);
            return found != values_.end() ? "VALUE " + found->second : "NONE";
        }
        return "ERROR expected SET, GET or PING";
    }

private:
    std::size_t most_keys_;
    std::map<std::string, std::string> values_;
};

struct key_value_server {
    std::string listen = "127.0.0.1:9300";
    duration work = duration::zero();
    std::size_t most_keys = 100'000;
    duration drain_timeout = server_options().drain_timeout;
    limiter_options at_once{.limit = {.limit = 1000, .max_waiting = 1000}};

    void add_flags(CLI::App& app)
    {
        const auto add_count = [&app](const std::string& name, std::size_t& value,
                                      const std::string& help) {
            return app.add_option(name, value, help)->type_name("N")->capture_default_str();
        };
        flags::add_endpoint(app, "--listen", listen, "Where to listen; port 0 takes a free one");
        flags::add_duration(app, "--work", work, "How long each answer takes");
        add_count("--max-keys", most_keys, "So many values, then it says 'ERROR full'");
        add_count("--limit", at_once.limit.limit, "So many requests at a time; others wait")
            ->check(CLI::Range(1, 1'000'000).description(""));
        add_count("--queue", at_once.limit.max_waiting,
                  "So many wait; the others are told 'BUSY' at once, and so is who would have\n"
                  "to wait for longer than --wait");
        flags::add_duration(app, "--wait", at_once.longest_wait, "So long a request waits");
        flags::add_duration(app, "--drain-timeout", drain_timeout,
                            "After a signal: how long connections may take to finish");
    }

    task<> run()
    {
        loop& here = co_await this_loop();
        limiter limit(here, at_once);
        store values(most_keys);
        const auto session = [&](connection& peer) { return serve(peer, values, limit); };
        server_options options;
        options.drain_timeout = drain_timeout;
        options.on_listening = [](const std::string& local) {
            std::cout << "listening on " << local << std::endl;
        };
        server listening(listen, session, std::move(options));
        co_await checked(listening.run());
    }

private:
    task<> serve(connection& peer, store& values, limiter& limit) const
    {
        while (auto request = co_await peer.receive()) {
            auto turn = co_await limit.acquire();
            if (!turn) {
                co_await peer.send("BUSY");
                continue;
            }
            const std::string answer = values.answer(as_text(*request));
            if (work != duration::zero()) {
                co_await checked(sleep_for(work));
            }
            turn->done();
            co_await peer.send(answer);
        }
    }
};

}  // namespace

int main(int argc, char** argv)
{
    CLI::App app(
        "Remembers values by their keys, for pool_client. Messages are a 4-byte length and\n"
        "text: 'SET key value', 'GET key', 'PING'.\n");
    key_value_server server;
    server.add_flags(app);
    return sample::run_program("key_value_server", app, argc, argv,
                               [&] { return run(server.run()); });
}
