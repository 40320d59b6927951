#include "pool_state.hpp"

#include <libnet/transport/endpoint.hpp>

#include <boost/system/system_error.hpp>

#include <utility>

namespace libnet {
namespace {

using detail::operation_arguments;
using detail::operation_waiter;
using detail::pool_state;

pool_state& pool_of(void* source) noexcept
{
    return *static_cast<pool_state*>(source);
}

constexpr detail::operation_vtable<lease> borrowing{
    [](void* p, operation_arguments) { return pool_of(p).try_borrow(); },
    [](void* p) { return pool_of(p).take_borrowed(); },
    [](void* p, operation_waiter<lease>& w) { pool_of(p).wait_to_borrow(w); },
    [](void* p, operation_waiter<lease>& w) noexcept { pool_of(p).withdraw(w); },
    [](void* p) -> loop& { return pool_of(p).home(); },
};

std::vector<std::string> checked_endpoints(std::vector<std::string> where)
{
    for (const std::string& text : where) {
        if (const auto parsed = endpoint::parse(text); parsed.has_error()) {
            throw boost::system::system_error(parsed.error(), "cannot connect to '" + text + "'");
        }
    }
    return where;
}

}  // namespace

pool::pool(std::string where, pool_options options)
    : pool(std::vector<std::string>{std::move(where)}, std::move(options))
{
}

pool::pool(std::vector<std::string> where, pool_options options)
    : state_(std::make_shared<pool_state>(options.connector ? std::move(where)
                                                            : checked_endpoints(std::move(where)),
                                          std::move(options)))
{
}

pool::~pool()
{
    state_->drain();
}

task<> pool::run()
{
    return [](std::shared_ptr<pool_state> state) -> task<> {
        co_await checked(state->run());
    }(state_);
}

operation<lease> pool::borrow()
{
    return {state_.get(), borrowing};
}

void pool::drain()
{
    state_->drain();
}

void pool::close()
{
    state_->close();
}

const lending_stats& pool::stats() const noexcept
{
    return state_->stats();
}

std::vector<pool_endpoint> pool::endpoints() const
{
    return state_->endpoints();
}

// ---- what was borrowed --------------------------------------------------------------------------

lease::~lease()
{
    give_back();
}

connection& lease::operator*() const noexcept
{
    return pool_->at(place_);
}

std::size_t lease::endpoint() const noexcept
{
    return pool_->endpoint_of(place_);
}

void lease::give_back() noexcept
{
    if (const auto pool = std::exchange(pool_, nullptr)) {
        pool->put_back(place_, pool->judge(place_, trusted_));
    }
}

void lease::discard() noexcept
{
    if (const auto pool = std::exchange(pool_, nullptr)) {
        pool->put_back(place_, lending::comes_back::unfit);
    }
}

void lease::fail() noexcept
{
    if (const auto pool = std::exchange(pool_, nullptr)) {
        pool->put_back(place_, lending::comes_back::broken);
    }
}

}  // namespace libnet
