#include <libnet/session/request_queue.hpp>

namespace libnet::detail {

struct request_queue::source {
    static pending_call& self(void* source) { return *static_cast<pending_call*>(source); }

    static readiness poll(void* source, operation_arguments)
    {
        const pending_call& call = self(source);
        return !call.ended ? readiness::pending
                           : call.failure ? readiness::failure : readiness::value;
    }
    static result<> take(void* source)
    {
        const pending_call& call = self(source);
        return call.failure ? result<>(call.failure) : result<>();
    }
    static void start(void* source, operation_waiter<void>& w) { self(source).waiting = &w; }
    static void abandon(void* source, operation_waiter<void>&) noexcept
    {
        self(source).waiting = nullptr;
    }
    static loop& home(void* source) { return *self(source).home; }

    static constexpr operation_vtable<void> table{poll, take, start, abandon, home};
};

result<> request_queue::enter(pending_call& call, loop& home) noexcept
{
    call.home = &home;
    error_code refused;
    if (closed_) {
        refused = closed_;
    } else if (lines_ == 0 && call.how.when_offline == offline::fail) {
        refused = error::not_connected;
    } else if (size_ >= limit_) {
        refused = error::limit_reached;
    }
    if (refused) {
        ++failed_;
        call.ended = true;
        return refused;
    }
    ++size_;
    call.number = next_number_++;
    wait_again(call);
    return {};
}

operation<> request_queue::end_of(pending_call& call) noexcept
{
    return {&call, source::table};
}

void request_queue::leave(pending_call& call) noexcept
{
    if (call.claim != nullptr) {
        call.claim->release();
    }
    if (!call.ended) {
        end(call, error::cancelled);
    }
}

void request_queue::wait_again(pending_call& call) noexcept
{
    waiting_.insert_sorted(call, [](const auto& a, const auto& b) { return a.number < b.number; });
    ++waiting_count_;
    if (arrivals_) {
        arrivals_->wake_one();
    }
}

void request_queue::close_line() noexcept
{
    if (--lines_ != 0) {
        return;
    }
    waiting_.for_each([this](pending_call& call) {
        if (call.how.when_offline == offline::fail) {
            end(call, error::not_connected);
        }
    });
}

wait_list& request_queue::arrivals(loop& home)
{
    if (!arrivals_) {
        arrivals_.emplace(home);
    }
    return *arrivals_;
}

pending_call* request_queue::take() noexcept
{
    if (waiting_.empty()) {
        return nullptr;
    }
    --waiting_count_;
    return &waiting_.pop_front();
}

void request_queue::end(pending_call& call, const error_code& why) noexcept
{
    if (call.linked()) {
        call.unlink();
        --waiting_count_;
    }
    --size_;
    ++(why ? failed_ : answered_);
    call.ended = true;
    call.failure = why;
    if (call.waiting != nullptr) {
        std::exchange(call.waiting, nullptr)->complete(why ? result<>(why) : result<>());
    }
}

void request_queue::lost(pending_call& call) noexcept
{
    if (call.how.when_lost == loss::fail) {
        end(call, error::connection_lost);
        return;
    }
    if (!closed_) {
        ++repeated_;
    }
    put_back(call);
}

void request_queue::put_back(pending_call& call) noexcept
{
    if (closed_) {
        end(call, closed_);
    } else if (lines_ == 0 && call.how.when_offline == offline::fail) {
        end(call, error::not_connected);
    } else {
        wait_again(call);
    }
}

void request_queue::close(const error_code& why) noexcept
{
    if (closed_) {
        return;
    }
    closed_ = why;
    waiting_.for_each([&](pending_call& call) { end(call, closed_); });
}

requests_stats request_queue::stats() const noexcept
{
    return {.lines = lines_,
            .waiting = waiting_count_,
            .in_flight = size_ - waiting_count_,
            .answered = answered_,
            .failed = failed_,
            .repeated = repeated_};
}

}  // namespace libnet::detail
