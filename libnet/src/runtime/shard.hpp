#pragma once

#include <libnet/core/list_node.hpp>
#include <libnet/runtime/fiber.hpp>
#include <libnet/runtime/loop.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <thread>

namespace libnet::detail {

/// One of the shards: a thread with a context of its own, which is made and destroyed on it, together
/// with every frame and connection that was born there.
class shard {
public:
    /// Returns when its loop can be posted to. Throws what kept it from that: std::system_error.
    shard(std::size_t index, std::optional<int> processor);
    shard(const shard&) = delete;
    shard& operator=(const shard&) = delete;

    /// Cancels what others have sent here, and lets the thread end when that has ended. Once.
    void begin_to_end() noexcept;

    /// Waits until it has. Once, before it goes.
    void join() noexcept { thread_.join(); }

    const std::shared_ptr<mailbox>& box() const noexcept { return box_; }
    std::size_t index() const noexcept { return index_; }

    /// That of this thread; null elsewhere.
    static shard* current() noexcept;

    // Its thread's.

    /// A task that others have sent here, as long as it runs.
    class visit : public list_node {
    public:
        visit(shard& here, fiber& task) noexcept;
        visit(const visit&) = delete;
        visit& operator=(const visit&) = delete;
        ~visit();

    private:
        friend class shard;
        shard& here_;
        fiber& task_;
    };

    loop& home() const noexcept { return *home_; }

    /// Nothing begins any more.
    bool is_ending() const noexcept { return ending_; }

    /// What left its loop and ended it.
    const std::exception_ptr& failure() const noexcept { return failure_; }

private:
    using work_guard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

    void run(std::optional<int> processor);
    void end_visits() noexcept;
    void leave_if_empty() noexcept;

    const std::size_t index_;
    std::promise<std::shared_ptr<mailbox>> started_;
    std::shared_ptr<mailbox> box_;

    // Its thread's.
    loop* home_ = nullptr;
    std::optional<work_guard> open_;
    node_list<visit> visits_;
    bool ending_ = false;
    std::exception_ptr failure_;

    std::thread thread_;  // the last: it uses all the others
};

}  // namespace libnet::detail
