#include "serve_and_close.hpp"

#include "describe_session.hpp"

#include <libnet/runtime/within.hpp>

#include <exception>
#include <utility>

namespace libnet::detail {

task<> serve_and_close(connection& peer, std::function<task<>(connection&)> session)
{
    struct description {
        description(fiber& s, const connection& peer) noexcept : self(s) { describe_session(s, peer); }
        description(const description&) = delete;
        description& operator=(const description&) = delete;
        ~description() { self.describe_by(nullptr, nullptr); }
        fiber& self;
    };
    // The peer may be gone before the task is.
    const description of_the_peer(co_await fiber_await{}, peer);
    std::exception_ptr thrown;
    result<> outcome;
    try {
        outcome = co_await session(peer);
    } catch (...) {
        thrown = std::current_exception();
    }
    (void)co_await shielded(never, peer.close());
    if (thrown) {
        std::rethrow_exception(thrown);
    }
    co_await checked(std::move(outcome));
}

}  // namespace libnet::detail
