#pragma once

#include "flags.hpp"

#include <cstddef>
#include <optional>
#include <string>

/// The flags that say on how many threads a server runs.
namespace flags {

/// How many threads, if that was said.
class threads {
public:
    void add_flags(CLI::App& app, bool& reuse_port, const std::string& help_of_reuse_port)
    {
        app.add_option(
               "--threads", count_,
               "Serve on so many threads, each with an event loop of its own; 0: as many as\n"
               "there are processors for this process. Without it all is done on one")
            ->type_name("N")
            ->check(CLI::Range(std::size_t{0}, std::size_t{1024}).description(""));
        app.add_flag("--reuse-port", reuse_port, help_of_reuse_port);
    }

    bool are_several() const { return count_.has_value(); }

    /// Calls `serve` with the task that is the server, here or over shards; what it answers.
    template <class Server, class Serve>
    int run(Server& server, Serve serve) const
    {
        if (!count_) {
            return serve(server.run());
        }
        libnet::shards shards({.threads = *count_});
        return serve(server.run(shards));
    }

private:
    std::optional<std::size_t> count_;
};

}  // namespace flags
