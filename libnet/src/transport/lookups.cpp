#include <libnet/transport/lookups.hpp>

#include "../runtime/background.hpp"

#include <libnet/core/error.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/wait_list.hpp>

#include <boost/system/errc.hpp>

#include <optional>
#include <unordered_map>
#include <utility>

namespace libnet {

/// One that is under way, and who waits for it.
struct lookups::lookup {
    explicit lookup(loop& home) : waiting(home) {}
    detail::wait_list waiting;
    std::optional<result<addresses>> found;
};

struct lookups::books {
    explicit books(const lookup_cache_options& remember) : answers(remember) {}
    lookup_cache<addresses> answers;
    std::unordered_map<std::string, std::shared_ptr<lookup>> under_way;
};

lookups::lookups(loop& home, question ask, lookup_cache_options remember)
    : home_(home), ask_(std::move(ask)), books_(std::make_unique<books>(remember))
{
}

lookups::~lookups() = default;

std::size_t lookups::under_way() const noexcept
{
    return books_->under_way.size();
}

task<lookups::addresses> lookups::find(std::string host)
{
    if (const auto* known = books_->answers.find(host, home_.now())) {
        co_return *known;
    }
    const auto same = books_->under_way.find(host);
    const std::shared_ptr<lookup> asked =
        same == books_->under_way.end() ? begin(host) : same->second;
    while (!asked->found) {
        co_await checked(asked->waiting.wait());
    }
    co_return *asked->found;
}

std::shared_ptr<lookups::lookup> lookups::begin(const std::string& host)
{
    auto begun = std::make_shared<lookup>(home_);
    detail::background::start(home_, look_up(host, begun));
    books_->under_way.emplace(host, begun);
    return begun;
}

task<> lookups::look_up(std::string host, std::shared_ptr<lookup> into)
{
    try {
        auto asking = ask_(host);
        into->found.emplace(co_await std::move(asking));
        if (*into->found || into->found->error() == error::host_not_found) {
            books_->answers.keep(host, *into->found, home_.now());
        }
    } catch (...) {  // for want of memory
        namespace errc = boost::system::errc;
        into->found.emplace(errc::make_error_code(errc::not_enough_memory));
    }
    books_->under_way.erase(host);
    into->waiting.wake_all();
}

}  // namespace libnet
