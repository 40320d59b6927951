#include <libnet/policy/concurrency_limit.hpp>

#include <algorithm>
#include <stdexcept>

namespace libnet {

concurrency_limit::concurrency_limit(const concurrency_limit_options& options)
    : options_(options), limit_(options.limit)
{
    if (const auto& a = options.adaptive) {
        if (a->least == 0 || a->least > a->most) {
            throw std::invalid_argument("concurrency_limit: no limit lies between least and most");
        }
        limit_ = std::clamp(limit_, a->least, a->most);
    }
    if (limit_ == 0) {
        throw std::invalid_argument("concurrency_limit: 0 would let nothing through, ever");
    }
}

concurrency_limit::decision concurrency_limit::ask() noexcept
{
    if (running_ < limit_ && waiting_ == 0) {
        ++running_;
        return decision::begin;
    }
    if (waiting_ < options_.max_waiting) {
        ++waiting_;
        return decision::wait;
    }
    return decision::refuse;
}

bool concurrency_limit::next() noexcept
{
    if (waiting_ == 0 || running_ >= limit_) {
        return false;
    }
    --waiting_;
    ++running_;
    return true;
}

void concurrency_limit::end(time_point began, time_point now, outcome how) noexcept
{
    if (options_.adaptive) {
        adapt(began, now, how);
    }
    --running_;
}

void concurrency_limit::adapt(time_point began, time_point now, outcome how) noexcept
{
    const adaptive_limit& a = *options_.adaptive;
    if (how == outcome::unknown) {
        return;
    }
    if (how == outcome::overloaded || now - began > a.too_slow) {
        if (began >= cut_at_) {  // those that had begun before suffer from what is mended already
            limit_ = std::max(a.least, limit_ - std::max<std::size_t>(limit_ / 10, 1));
            cut_at_ = now;
            good_ = 0;
        }
        return;
    }
    // A limit that nobody reaches has not been tried.
    if (running_ * 2 >= limit_ && ++good_ >= limit_) {
        limit_ = std::min(a.most, limit_ + 1);
        good_ = 0;
    }
}

}  // namespace libnet
