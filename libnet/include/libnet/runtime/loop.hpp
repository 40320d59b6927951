#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/list_node.hpp>
#include <libnet/runtime/clock.hpp>
#include <libnet/runtime/stall_report.hpp>
#include <libnet/runtime/thread_check.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace libnet {

class network;  // of the floor above

namespace detail {

class fiber;
class stall_watch;

/// A task's place in the list of all that run on a loop.
struct fiber_place : list_node {};

/// Something that is to run soon on the loop.
struct work_node : list_node {
    work_node() noexcept : run(nullptr) {}
    explicit work_node(not_linked later) noexcept : list_node(later) {}

    void (*run)(work_node&);
};

/// Takes work for a loop from any thread, also when the loop is no more.
class LIBNET_ASIO_DECL mailbox {
public:
    virtual ~mailbox() = default;

    /// Runs `work` on the loop's thread in a later turn; false if the loop has ended.
    virtual bool post(std::function<void()> work) = 0;
};

}  // namespace detail

/// Where tasks run: one thread's event loop, with its clock. Lives inside an Asio io_context, one for
/// the context and one for each strand, and is reached through what one already has: a connection, a
/// task, `<libnet/asio.hpp>`.
///
/// Wakes never nest. Whoever completes something only queues the waiter; the queue is worked off
/// where the outermost turn ends, so the stack is as deep for a million messages as for one.
///
/// Threads  one at a time, but for remote(): that of a context is for contexts that one thread runs,
///          that of a strand for any. Two that meet in a loop end the program, with a text that says so.
class LIBNET_ASIO_DECL loop {
public:
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;

    /// Its clock, and the time on it.
    clock& time() const noexcept { return *clock_; }
    time_point now() const noexcept { return clock_->now(); }

    /// Replaces the clock; before anything waits on the old one.
    void use_clock(clock& replacement) noexcept { clock_ = &replacement; }

    /// Lets connections lead somewhere else than to the system's sockets; see network_of(). It has
    /// to live as long as what uses it.
    void use_network(network& replacement) noexcept { network_ = &replacement; }
    network* network_in_use() const noexcept { return network_; }

    /// Runs `work` before this turn of the loop ends.
    void ready(detail::work_node& work) noexcept
    {
        ready_.push_back(work);
        if (depth_ == 0) {
            wake();
        }
    }

    /// Runs `work` in a later turn, after the loop has looked at its sockets and timers. Work that
    /// is unlinked before this turn ends costs nothing.
    void defer(detail::work_node& work) noexcept
    {
        deferred_.push_back(work);
        if (depth_ == 0) {
            wake();
        }
    }

    /// The coroutine that goes on as soon as the running one has suspended.
    void continue_with(std::coroutine_handle<> next) noexcept { next_ = next; }

    /// A stretch of work that some event began. Every handler that Asio calls opens one.
    class turn {
    public:
        /// Begins a turn, which ends with this object.
        explicit turn(loop& l) noexcept : loop_(l)
        {
            l.threads_.enter();
            ++l.depth_;
            begin();
        }
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;
        ~turn()
        {
            end();
            if (--loop_.depth_ == 0) {
                loop_.leave();
                loop_.threads_.leave();
            }
        }

        /// Instead of ending this one and beginning another at once: the next of several events.
        void end_and_begin() noexcept
        {
            end();
            begin();
        }

    private:
        void begin() noexcept
        {
            ++loop_.turns_;
            if (loop_.watch_) [[unlikely]] {
                loop_.watch_turn();
            }
        }
        void end() noexcept
        {
            if (loop_.depth_ == 1) {
                loop_.work_off();
            }
        }

        loop& loop_;
    };

    /// Takes work from other threads.
    virtual std::shared_ptr<detail::mailbox> remote() = 0;

    /// Tells `tell` of each piece of work that took more than `longest`, and whose it was. Called on
    /// the loop's thread when the piece has ended; an exception from it ends the program. What Asio
    /// runs without libnet, a handler or an `asio::awaitable` of the user's, is not seen. An empty
    /// `tell`, or `never`, switches it off, as it is at first.
    ///
    /// Cost  reads the clock once for each piece; nothing while it is off.
    void on_stall(std::function<void(const stall_report&)> tell,
                  duration longest = std::chrono::milliseconds(25));

    /// How many pieces of ready work one turn does before it lets the loop look at its sockets.
    /// Tests set 1, to stop between any two.
    void set_turn_limit(std::size_t pieces) noexcept { turn_limit_ = pieces; }

    /// Keeps everything on the loop's own thread: offload() calls what it is given there, in a later
    /// turn. So a simulation is the same in every run.
    void keep_to_one_thread() noexcept { one_thread_ = true; }
    bool keeps_to_one_thread() const noexcept { return one_thread_; }

    /// How many turns have begun, the one that is under way among them.
    std::uint64_t turns() const noexcept { return turns_; }

    /// Counts who lives here: tasks, connections, servers, sockets.
    void enter() noexcept { ++population_; }
    void exit() noexcept
    {
        if (--population_ == 0) {
            emptied();
        }
    }
    bool empty() const noexcept { return population_ == 0; }

    /// Random numbers for whoever must not do the same as everybody else at the same time. Not for
    /// secrets. A simulation has the same ones in every run.
    std::uint64_t random() noexcept;
    void seed(std::uint64_t start) noexcept { random_ = start; }

    /// Every running task, for shutdown and for traces.
    detail::node_list<detail::fiber_place>& fibers() noexcept { return fibers_; }

    /// A task is being destroyed.
    void forget(const detail::fiber& destroyed) noexcept;

    /// Whether its tasks are being destroyed.
    bool shutting_down() const noexcept { return shutting_down_; }

    /// Runs `work` when the loop ends and tasks have been destroyed, unless it is unlinked before.
    void at_shutdown(detail::work_node& work) noexcept { at_shutdown_.push_back(work); }

protected:
    /// For those who drive one: `c` must outlive it.
    explicit loop(clock& c) noexcept;
    ~loop();

    /// Asks for a call of run_deferred() in a turn of its own.
    virtual void wake() noexcept = 0;

    /// What wake() asked for.
    void run_deferred() noexcept;

    /// Nobody lives here any more, so nobody can be waiting for the clock.
    virtual void emptied() noexcept { clock_->rest(); }

    /// Destroys the frames of all tasks, while sockets can still be closed.
    void destroy_fibers() noexcept;

private:
    LIBNET_ASIO_HOT void work_off() noexcept;
    void work_off_watched() noexcept;
    void watch_turn() noexcept;
    void watch_piece() noexcept;
    void leave() noexcept
    {
        if (!ready_.empty() || !deferred_.empty()) {
            wake();
        }
    }

    detail::thread_check threads_;
    clock* clock_;
    network* network_ = nullptr;  // the system's
    std::coroutine_handle<> next_;
    std::size_t depth_ = 0;
    std::uint64_t turns_ = 0;
    std::size_t turn_limit_ = 1024;
    std::size_t population_ = 0;
    std::uint64_t random_ = 0;
    bool shutting_down_ = false;
    bool one_thread_ = false;
    std::unique_ptr<detail::stall_watch> watch_;  // mostly nobody asked for it
    detail::node_list<detail::work_node> ready_;
    detail::node_list<detail::work_node> deferred_;
    detail::node_list<detail::work_node> at_shutdown_;
    detail::node_list<detail::fiber_place> fibers_;
};

}  // namespace libnet
