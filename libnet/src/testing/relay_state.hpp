#pragma once

#include <libnet/runtime/group.hpp>
#include <libnet/testing/relay.hpp>
#include <libnet/transport/endpoint.hpp>

#include <memory>
#include <string_view>

namespace libnet::testing {

/// A relay while it runs: what both kinds have, and what they do each in its own way.
struct relay::state : std::enable_shared_from_this<relay::state> {
    state(const endpoint& from, const endpoint& to, relay_options o);
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    virtual ~state() = default;

    /// Carries what comes, with its tasks in `tasks`, until it is cancelled.
    virtual task<> carry(group& tasks) = 0;

    /// carry() has ended, and so have its tasks.
    virtual void stop() noexcept {}

    virtual relay_stats stats() const;

    endpoint where;
    endpoint target;
    impairment there;
    impairment back;
    relay_options options;
    relay_stats counted;
};

/// Throws boost::system::system_error for text that is none.
endpoint endpoint_in(std::string_view text);

}  // namespace libnet::testing
