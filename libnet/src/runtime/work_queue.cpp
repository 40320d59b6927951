#include "work_queue.hpp"

#include <libnet/runtime/offloaded_work.hpp>

#include <system_error>
#include <utility>

namespace libnet::detail {

work_queue::work_queue(std::size_t threads, std::size_t limit)
    : most_threads_(threads), limit_(limit)
{
}

result<> work_queue::add(std::shared_ptr<offloaded_work> work)
{
    const std::lock_guard lock(mutex_);
    if (closed_) {
        return error::cancelled;
    }
    const std::size_t free_threads = most_threads_ - running_;
    if (waiting_ >= free_threads && waiting_ - free_threads >= limit_) {
        return error::limit_reached;
    }
    error_code failed;
    const bool all_taken = waiting_ >= threads_.size() - running_;
    if (all_taken && threads_.size() < most_threads_ && !start_thread(failed) && threads_.empty()) {
        return failed;  // with other threads it can wait for one of them
    }
    offloaded_work& added = *work;
    added.waiting_in_queue = std::move(work);
    queue_.push_back(added);
    ++waiting_;
    changed_.notify_one();
    return {};
}

bool work_queue::start_thread(error_code& failed)
{
    try {
        threads_.reserve(threads_.size() + 1);
        threads_.emplace_back([this] { serve(); });
        return true;
    } catch (const std::system_error& refused) {
        failed = refused.code();
        return false;
    }
}

void work_queue::serve()
{
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return closed_ || waiting_ != 0; });
        if (closed_) {
            return;
        }
        std::shared_ptr<offloaded_work> work = std::move(queue_.pop_front().waiting_in_queue);
        --waiting_;
        ++running_;
        lock.unlock();
        work->run();
        lock.lock();
        --running_;  // before anybody can know that the work has ended and bring the next
        lock.unlock();
        work->answer();
        work.reset();
        lock.lock();
    }
}

bool work_queue::withdraw(offloaded_work& work) noexcept
{
    std::shared_ptr<offloaded_work> kept;  // goes last, without the lock
    const std::lock_guard lock(mutex_);
    kept = std::move(work.waiting_in_queue);
    if (!kept) {
        return false;
    }
    work.unlink();
    --waiting_;
    return true;
}

void work_queue::close()
{
    std::unique_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
    while (waiting_ != 0) {
        const auto dropped = std::move(queue_.pop_front().waiting_in_queue);
        --waiting_;
        lock.unlock();
        dropped->drop();
        dropped->answer();
        lock.lock();
    }
    lock.unlock();
    for (std::thread& thread : threads_) {  // nobody adds one any more
        thread.join();
    }
}

std::size_t work_queue::waiting() const
{
    const std::lock_guard lock(mutex_);
    return waiting_;
}

std::size_t work_queue::running() const
{
    const std::lock_guard lock(mutex_);
    return running_;
}

}  // namespace libnet::detail
