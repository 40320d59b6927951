#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/error.hpp>
#include <libnet/runtime/clock.hpp>
#include <libnet/runtime/frame_pool.hpp>
#include <libnet/runtime/loop.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <source_location>
#include <string>
#include <vector>

/// What stands behind a task. A *fiber* is a running root task; a *scope* is a stretch of its call
/// chain with a deadline or a shield of its own; a *waiter* is the innermost await, where the fiber
/// is suspended. One fiber has one call chain, one stack of scopes and at most one waiter.
namespace libnet::detail {

class fiber;
struct promise_base;

/// A stretch of a call chain that can be stopped as a whole. Once stopped it stays so: every await
/// inside answers with the reason at once.
struct scope {
    scope* outer = nullptr;
    fiber* owner = nullptr;
    bool shields = false;  // what stops the outer scopes does not stop this one
    error stopped{};
    time_point due = end_of_time;

    /// When the first of those strikes that hold here.
    LIBNET_ASIO_DECL time_point first_due() const noexcept;
};

/// A suspended innermost await. Settling it queues the coroutine; after that touch nothing, for
/// the frame that holds it, and whatever that frame owns, may be gone.
struct LIBNET_ASIO_DECL waiter : work_node {
    using stop_function = void (*)(waiter&, error why) noexcept;

    /// Makes this the place where the fiber of `p` waits.
    void suspend(promise_base& p, std::coroutine_handle<> h, stop_function on_stop) noexcept;

    /// Queues the coroutine. A checked await that failed ends its frame instead.
    void settle() noexcept;
    void settle_failed(const error_code& why) noexcept;

    /// The awaiting frame is being destroyed.
    void forget() noexcept;

    /// What the loop runs when it has been settled.
    static void go_on(work_node& node);

    loop& home() const noexcept;

    promise_base* promise = nullptr;
    std::coroutine_handle<> handle;
    stop_function stop = nullptr;
    bool checked = false;
    bool settled = false;
};

struct LIBNET_ASIO_DECL promise_base {
    promise_base() noexcept = default;
    promise_base(const promise_base&) = delete;
    promise_base& operator=(const promise_base&) = delete;

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }

    void fail(const error_code& why) noexcept
    {
        failure = why;
        failed = true;
    }

    void unhandled_exception() noexcept { exception = std::current_exception(); }

    /// The frame is suspended for ever: whoever waits for it goes on.
    void finish() noexcept;

    /// Starts a child frame inside this one's await; true if this one has to stay suspended.
    bool begin(promise_base& child, std::coroutine_handle<> self, std::coroutine_handle<> body,
               scope& in, bool checked_await) noexcept;

    /// Every await calls it: why the scope was stopped, or nothing. The budget sees to it that a
    /// loop of awaits that are ready at once lets the event loop turn.
    error stopped() const noexcept { return in_scope->stopped; }
    inline bool out_of_budget() noexcept;

    promise_base* parent = nullptr;
    std::coroutine_handle<> continuation;
    scope* in_scope = nullptr;
    fiber* in_fiber = nullptr;
    std::source_location where;  // of the current co_await
    std::exception_ptr exception;
    error_code failure;
    bool failed = false;
    bool done = false;
    bool inside_begin = false;  // the parent looks at `done` itself
    bool checked = false;       // the parent ends with us if we fail
};

/// What the loop runs of a fiber: its start, a postponed child, its end; never two at a time.
struct fiber_step : work_node {};

/// A running root task. Whoever starts one says what is to happen when it has ended.
class LIBNET_ASIO_DECL fiber : public fiber_place, private fiber_step {
public:
    /// Takes the frame over and queues its start.
    template <class Promise>
    fiber(loop& l, std::coroutine_handle<Promise> frame) noexcept : fiber(l, frame, frame.promise())
    {
    }
    virtual ~fiber();

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* memory, std::size_t size) noexcept
    {
        free_frame(memory, size);
    }

    /// Stops `from` and all inside it but what is shielded, and wakes the waiter if it is in there.
    void stop(scope& from, error why) noexcept;

    /// Stops the whole task; sticky. Harmless when it has ended.
    void cancel() noexcept { stop(root_, error::cancelled); }

    loop& home() const noexcept { return loop_; }
    promise_base& promise() const noexcept { return *promise_; }
    scope* current_scope() const noexcept { return innermost_; }

    /// Says whom it works for, when somebody asks. `whom` lives as long as the task's frame.
    void describe_by(std::string (*describe)(const void* whom), const void* whom) noexcept
    {
        describe_ = describe;
        whom_ = whom;
    }
    std::string description() const { return describe_ ? describe_(whom_) : std::string(); }

    /// A network that only this task uses; null for that of the loop.
    void use_network(network* own) noexcept { network_ = own; }
    network* network_in_use() const noexcept { return network_; }

    /// The tasks of a group work for whom its own works, in the same network.
    void inherit(const fiber& parent) noexcept
    {
        describe_by(parent.describe_, parent.whom_);
        network_ = parent.network_;
        root_.due = parent.innermost_->first_due();  // to know it: it is the group that stops us
    }

    /// The frame that goes on if the loop runs `work`; null if that is not a task's.
    static const promise_base* resumed_by(const work_node& work) noexcept;

    /// Where it waits: the innermost await first, then those of its callers.
    std::vector<std::source_location> trace() const;

private:
    friend struct waiter;
    friend struct promise_base;
    template <class, bool>
    friend struct operation_awaiter;
    friend struct scope_guard;

    fiber(loop& l, std::coroutine_handle<> frame, promise_base& promise) noexcept;

    /// The task has ended. Who is called has to delete it, now or later.
    virtual void ended() noexcept = 0;

    static constexpr unsigned ready_awaits_per_turn = 4096;

    static fiber& of(work_node& step) noexcept
    {
        return static_cast<fiber&>(static_cast<fiber_step&>(step));
    }
    static void begin(work_node& step);
    void end() noexcept;
    void start_later(std::coroutine_handle<> body) noexcept;

    loop& loop_;
    scope root_;
    scope* innermost_ = &root_;
    waiter* waiter_ = nullptr;
    std::coroutine_handle<> frame_;
    promise_base* promise_;
    std::coroutine_handle<> postponed_;
    std::string (*describe_)(const void*) = nullptr;
    const void* whom_ = nullptr;
    network* network_ = nullptr;
    unsigned budget_ = ready_awaits_per_turn;
};

inline bool promise_base::out_of_budget() noexcept
{
    return --in_fiber->budget_ == 0;
}

inline loop& waiter::home() const noexcept
{
    return promise->in_fiber->home();
}

/// Enters a scope for as long as an await lasts.
struct LIBNET_ASIO_DECL scope_guard {
    explicit scope_guard(bool shields) noexcept;
    scope_guard(const scope_guard&) = delete;
    scope_guard& operator=(const scope_guard&) = delete;
    ~scope_guard() { leave(); }

    /// From here on until leave(), the fiber of `caller` is inside. `limit` counts from now.
    void enter(promise_base& caller, duration limit) noexcept;
    void leave() noexcept;

    struct deadline : timer_node {
        explicit deadline(scope& s) noexcept;
        scope* limited;
    };

    scope inner;
    deadline timer;
};

}  // namespace libnet::detail
