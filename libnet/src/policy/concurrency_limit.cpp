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

concurrency_limit::decision concurrency_limit::ask(duration patience) noexcept
{
    if (has_room()) {
        ++running_;
        return decision::begin;
    }
    if (is_full() || expected_wait() > patience) {
        return decision::refuse;
    }
    ++waiting_;
    return decision::wait;
}

duration concurrency_limit::expected_wait() const noexcept
{
    if (has_room()) {
        return duration::zero();
    }
    // `limit_` places, each of which becomes free once in `usual_`.
    const auto before = static_cast<double>(waiting_ + 1) / static_cast<double>(limit_);
    return std::chrono::duration_cast<duration>(usual_ * before);
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
    const duration took = now - began;
    usual_ = usual_ == duration::zero() ? took : usual_ + (took - usual_) / 8;
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
