#pragma once

#include <libnet/core/list_node.hpp>
#include <libnet/core/result.hpp>

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace libnet::detail {

class offloaded_work;

/// What waits for a thread, and the threads. The pool has it, and so has all work that was given to
/// it: whoever awaits that may give up after the pool has gone.
class work_queue {
public:
    work_queue(std::size_t threads, std::size_t limit);

    /// Errors   limit_reached; cancelled after close(); the system's if it has no thread to give.
    result<> add(std::shared_ptr<offloaded_work> work);

    /// Takes back what has not begun; false if it has, or never was in here.
    bool withdraw(offloaded_work& work) noexcept;

    /// Drops what waits and joins the threads.
    void close();

    std::size_t waiting() const;
    std::size_t running() const;

private:
    bool start_thread(error_code& failed);
    void serve();

    const std::size_t most_threads_;
    const std::size_t limit_;

    mutable std::mutex mutex_;  // of all that follows
    std::condition_variable changed_;
    node_list<offloaded_work> queue_;
    std::size_t waiting_ = 0;
    std::size_t running_ = 0;
    bool closed_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace libnet::detail
