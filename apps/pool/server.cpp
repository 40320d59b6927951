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

}  // namespace

int main(int argc, char** argv)
{
    CLI::App app("Remembers values by their keys, for pool_client. Messages are a 4-byte length and\n"
                 "text: 'SET key value', 'GET key', 'PING'.\n");
    std::string listen = "127.0.0.1:9300";
    duration work = duration::zero();
    std::size_t most_keys = 100'000;
    flags::add_endpoint(app, "--listen", listen, "Where to listen; port 0 takes a free one");
    flags::add_duration(app, "--work", work, "How long each answer takes");
    app.add_option("--max-keys", most_keys, "So many values, then it says 'ERROR full'")
        ->type_name("N")
        ->capture_default_str();
    server_options options;
    flags::add_duration(app, "--drain-timeout", options.drain_timeout,
                        "After a signal: how long connections may take to finish");
    return sample::run_program("key_value_server", app, argc, argv, [&] {
        store values(most_keys);
        const auto serve = [&](connection& peer) -> task<> {
            while (auto request = co_await peer.receive()) {
                const std::string answer = values.answer(as_text(*request));
                if (work != duration::zero()) {
                    co_await checked(sleep_for(work));
                }
                co_await peer.send(answer);
            }
        };
        options.on_listening = [](const std::string& local) {
            std::cout << "listening on " << local << std::endl;
        };
        server listening(listen, serve, std::move(options));
        return run(listening.run());
    });
}
