#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/error.hpp>
#include <libnet/runtime/await_place.hpp>
#include <libnet/runtime/clock.hpp>
#include <libnet/runtime/frame_pool.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/task_failure.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
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
    fiber* owner = nullptr;
    time_point due = end_of_time;
    error stopped{};
    bool shields = false;  // what stops the outer scopes does not stop this one

    /// Null for that of the whole task.
    LIBNET_ASIO_DECL scope* outer() const noexcept;

    /// When the first of those strikes that hold here.
    LIBNET_ASIO_DECL time_point first_due() const noexcept;
};

/// Any but that of the whole task.
struct nested_scope : scope {
    scope* around = nullptr;
};

/// A suspended innermost await. Settling it queues the coroutine; after that touch nothing, for
/// the frame that holds it, and whatever that frame owns, may be gone.
struct LIBNET_ASIO_DECL waiter : work_node {
    waiter() noexcept = default;
    explicit waiter(not_linked later) noexcept : work_node(later) {}

    /// Makes this the place where the fiber of `p` waits. Until it is settled, `go_on` is called when
    /// one of its scopes has been stopped, and by the loop if it was given this to run.
    inline void suspend(promise_base& p, void (*go_on)(work_node&)) noexcept;

    /// Queues the coroutine. A checked await that failed ends its frame instead.
    LIBNET_ASIO_HOT void settle() noexcept;
    void settle_failed(const error_code& why) noexcept;

    /// The awaiting frame is being destroyed.
    void forget() noexcept;

    /// What the loop runs when it has been settled.
    LIBNET_ASIO_HOT static void resume(work_node& node);

    loop& home() const noexcept;

    promise_base* promise = nullptr;
    bool checked = false;
    bool settled = false;
};

/// What every frame begins with. Tens of thousands of them wait: no byte that need not be.
struct LIBNET_ASIO_DECL promise_base {
    promise_base() noexcept = default;
    promise_base(const promise_base&) = delete;
    promise_base& operator=(const promise_base&) = delete;

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }

    void fail(const error_code& why) noexcept { failure.set(why); }

    void unhandled_exception() noexcept { failure.set(std::current_exception()); }

    /// The frame that it is in: in front of each promise, as far as it is for every one that derives
    /// from this and is aligned no stricter than the frame's two first words. task<T> sees to that.
    std::coroutine_handle<> frame() noexcept
    {
        return std::coroutine_handle<promise_base>::from_promise(*this);
    }

    /// The frame is suspended for ever: whoever waits for it goes on.
    void finish() noexcept;

    /// Starts a child frame inside this one's await; true if this one has to stay suspended.
    bool begin(promise_base& child, scope& in, bool checked_await) noexcept;

    /// Every await calls it: why the scope was stopped, or nothing. The budget sees to it that a
    /// loop of awaits that are ready at once lets the event loop turn.
    error stopped() const noexcept { return in_scope->stopped; }
    inline bool out_of_budget() noexcept;

    fiber& running_in() const noexcept { return *in_scope->owner; }

    promise_base* parent = nullptr;
    scope* in_scope = nullptr;
    await_place where{};  // of the current co_await
    [[no_unique_address]] task_failure failure;
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
    fiber(loop& l, std::coroutine_handle<Promise> frame) noexcept : fiber(l, frame.promise())
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

    /// Says for whom it works, when somebody asks. `whom` lives as long as the task's frame, or until
    /// somebody else is named. Null: nobody. One that always works for the same does not listen.
    virtual void describe_by(std::string (*describe)(const void* whom), const void* whom) noexcept;
    virtual std::string description() const;

    /// A network that only this task uses; null for that of the loop.
    void use_network(network* own) noexcept { network_ = own; }
    network* network_in_use() const noexcept { return network_; }

    /// The tasks of a group are in the network of its own.
    void inherit(const fiber& parent) noexcept
    {
        network_ = parent.network_;
        root_.due = parent.innermost_->first_due();  // to know it: it is the group that stops us
    }

    /// The frame that goes on if the loop runs `work`; null if that is not a task's.
    static const promise_base* resumed_by(const work_node& work) noexcept;

    /// Where it waits: the innermost await first, then those of its callers.
    std::vector<std::source_location> trace() const;

protected:
    /// In ended(): the task goes on with another frame, which it takes over, in place of the one that has
    /// ended.
    void go_on_with(promise_base& next) noexcept;

private:
    friend struct scope;
    friend struct waiter;
    friend struct promise_base;
    template <class, bool>
    friend struct operation_awaiter;
    friend struct scope_guard;

    fiber(loop& l, promise_base& promise) noexcept;
    void begin_with(promise_base& first) noexcept;

    /// The task has ended. Who is called has to delete it, now or later, or lets it go on with another frame.
    virtual void ended() noexcept = 0;

    static constexpr std::uint16_t ready_awaits_per_turn = 4096;

    static fiber& of(work_node& step) noexcept
    {
        return static_cast<fiber&>(static_cast<fiber_step&>(step));
    }
    static void begin(work_node& step);
    void end() noexcept;
    void start_later(promise_base& child) noexcept;
    void leave(const scope& left) noexcept;
    waiter* waiting() const noexcept { return begins_ ? nullptr : waiter_; }

    loop& loop_;
    [[no_unique_address]] scope root_;  // the next two fit behind it
    bool begins_ = true;                // what is next is begin()
    std::uint16_t budget_ = ready_awaits_per_turn;
    scope* innermost_ = &root_;
    union {
        promise_base* beginning_;  // if it begins
        waiter* waiter_;           // else; null while it runs
    };
    promise_base* promise_;
    network* network_ = nullptr;
};

/// One that remembers for whom it works.
template <class Fiber>
class described : public Fiber {
public:
    using Fiber::Fiber;

    void describe_by(std::string (*describe)(const void* whom), const void* whom) noexcept override
    {
        describe_ = describe;
        whom_ = whom;
    }
    std::string description() const override
    {
        return describe_ ? describe_(whom_) : Fiber::description();
    }

private:
    std::string (*describe_)(const void*) = nullptr;
    const void* whom_ = nullptr;
};

using described_fiber = described<fiber>;

inline bool promise_base::out_of_budget() noexcept
{
    return --running_in().budget_ == 0;
}

inline void waiter::suspend(promise_base& p, void (*go_on)(work_node&)) noexcept
{
    promise = &p;
    run = go_on;
    p.running_in().waiter_ = this;
}

inline loop& waiter::home() const noexcept
{
    return promise->running_in().home();
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

    nested_scope inner;
    deadline timer;
};

}  // namespace libnet::detail
