#pragma once

#include <libnet/core/result.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/operation.hpp>

#include <new>
#include <optional>
#include <utility>

namespace libnet::tests {

/// An object with one operation, whose answers the test gives, and which counts what it is asked.
template <class T = void>
class controlled {
public:
    explicit controlled(loop& l) noexcept : loop_(l) {}
    controlled(const controlled&) = delete;
    controlled& operator=(const controlled&) = delete;

    [[nodiscard]] operation<T> wait(std::uintptr_t argument = 0)
    {
        return {this, table, {argument, 0}};
    }

    /// Answers the await that is under way, or the next one.
    void answer(result<T> given)
    {
        if (waiting_ == nullptr) {
            ready_.emplace(std::move(given));
            return;
        }
        const loop::turn this_turn(loop_);
        std::exchange(waiting_, nullptr)->complete(std::move(given));
    }

    bool awaited() const noexcept { return waiting_ != nullptr; }

    bool out_of_memory = false;
    int polled = 0;
    int started = 0;
    int abandoned = 0;
    std::uintptr_t last_argument = 0;

private:
    static controlled& self(void* source) { return *static_cast<controlled*>(source); }

    static detail::readiness poll(void* source, detail::operation_arguments arguments)
    {
        controlled& c = self(source);
        ++c.polled;
        if (c.out_of_memory) {
            throw std::bad_alloc();
        }
        c.last_argument = arguments.first;
        if (!c.ready_) {
            return detail::readiness::pending;
        }
        return c.ready_->has_value() ? detail::readiness::value : detail::readiness::failure;
    }
    static result<T> take(void* source)
    {
        result<T> taken = std::move(*self(source).ready_);
        self(source).ready_.reset();
        return taken;
    }
    static void start(void* source, detail::operation_waiter<T>& w)
    {
        ++self(source).started;
        self(source).last_argument = w.arguments.first;
        self(source).waiting_ = &w;
    }
    static void abandon(void* source, detail::operation_waiter<T>&) noexcept
    {
        ++self(source).abandoned;
        self(source).waiting_ = nullptr;
    }
    static loop& home(void* source) { return self(source).loop_; }

    static constexpr detail::operation_vtable<T> table{poll, take, start, abandon, home};

    loop& loop_;
    std::optional<result<T>> ready_;
    detail::operation_waiter<T>* waiting_ = nullptr;
};

/// Whose operation is ready at once, always.
class always_ready {
public:
    explicit always_ready(loop& l) noexcept : loop_(l) {}

    [[nodiscard]] operation<int> next() { return {this, table}; }

    int taken = 0;

private:
    static always_ready& self(void* source) { return *static_cast<always_ready*>(source); }

    static detail::readiness poll(void*, detail::operation_arguments)
    {
        return detail::readiness::value;
    }
    static result<int> take(void* source) { return ++self(source).taken; }
    static void start(void*, detail::operation_waiter<int>&) {}
    static void abandon(void*, detail::operation_waiter<int>&) noexcept {}
    static loop& home(void* source) { return self(source).loop_; }

    static constexpr detail::operation_vtable<int> table{poll, take, start, abandon, home};

    loop& loop_;
};

}  // namespace libnet::tests
