#include <libnet/transport/lookups.hpp>

#include "../runtime/background.hpp"

#include <libnet/core/error.hpp>
#include <libnet/runtime/loop.hpp>

#include <boost/system/errc.hpp>

#include <utility>

namespace libnet {

lookups::lookups(loop& home, question ask, lookup_cache_options remember)
    : home_(home), ask_(std::move(ask)), cache_(remember)
{
}

task<lookups::addresses> lookups::find(std::string host)
{
    if (const auto* known = cache_.find(host, home_.now())) {
        co_return *known;
    }
    const auto same = under_way_.find(host);
    const std::shared_ptr<lookup> asked = same == under_way_.end() ? begin(host) : same->second;
    while (!asked->found) {
        co_await checked(asked->waiting.wait());
    }
    co_return *asked->found;
}

std::shared_ptr<lookups::lookup> lookups::begin(const std::string& host)
{
    auto begun = std::make_shared<lookup>(home_);
    detail::background::start(home_, look_up(host, begun));
    under_way_.emplace(host, begun);
    return begun;
}

task<> lookups::look_up(std::string host, std::shared_ptr<lookup> into)
{
    try {
        auto asking = ask_(host);
        into->found.emplace(co_await std::move(asking));
        if (*into->found || into->found->error() == error::host_not_found) {
            cache_.keep(host, *into->found, home_.now());
        }
    } catch (...) {  // for want of memory
        namespace errc = boost::system::errc;
        into->found.emplace(errc::make_error_code(errc::not_enough_memory));
    }
    under_way_.erase(host);
    into->waiting.wake_all();
}

}  // namespace libnet
