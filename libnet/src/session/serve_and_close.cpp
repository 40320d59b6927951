#include "serve_and_close.hpp"

#include "describe_session.hpp"

#include <libnet/runtime/within.hpp>

#include <exception>
#include <utility>

namespace libnet::detail {

task<> serve_and_close(connection& peer, std::function<task<>(connection&)> session)
{
    describe_session(co_await fiber_await{}, peer);
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
