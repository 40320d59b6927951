#include "work_queue.hpp"

#include <libnet/runtime/offloaded_work.hpp>

#include <chrono>
#include <new>
#include <thread>

namespace libnet::detail {

struct offloaded_work::source {
    static offloaded_work& self(void* source) { return *static_cast<offloaded_work*>(source); }

    static readiness poll(void* source, operation_arguments)
    {
        const result<> begun = self(source).begin();
        if (begun.has_error()) {
            self(source).failure_ = begun.error();
            return readiness::failure;
        }
        return readiness::pending;
    }
    static result<> take(void* source) { return self(source).failure_; }
    static void start(void* source, operation_waiter<void>& w) { self(source).waiting_ = &w; }
    static void abandon(void* source, operation_waiter<void>&) noexcept
    {
        offloaded_work& work = self(source);
        work.waiting_ = nullptr;
        if (work.queue_->withdraw(work)) {
            work.forget();
        }
    }
    static loop& home(void* source) { return *self(source).home_; }

    static constexpr operation_vtable<void> table{poll, take, start, abandon, home};
};

offloaded_work::offloaded_work(std::shared_ptr<work_queue> queue) noexcept
    : queue_(std::move(queue))
{
}

offloaded_work::~offloaded_work() = default;

operation<> offloaded_work::end(loop& home) noexcept
{
    home_ = &home;
    return {this, source::table};
}

result<> offloaded_work::begin()
{
    box_ = home_->remote();
    if (!home_->keeps_to_one_thread()) {
        return queue_->add(shared_from_this());
    }
    box_->post([self = shared_from_this()] {
        if (self->waiting_ != nullptr) {
            self->run();
        }
        self->arrive();
    });
    return {};
}

void offloaded_work::drop() noexcept
{
    forget();
    failure_ = error::cancelled;
}

void offloaded_work::answer() noexcept
{
    for (;;) {
        try {
            box_->post([self = shared_from_this()] { self->arrive(); });
            return;
        } catch (const std::bad_alloc&) {  // a task that is never answered would be worse
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
}

void offloaded_work::arrive() noexcept
{
    if (waiting_ == nullptr) {
        forget();
    } else {
        std::exchange(waiting_, nullptr)->complete(failure_ ? result<>(failure_) : result<>());
    }
}

}  // namespace libnet::detail
