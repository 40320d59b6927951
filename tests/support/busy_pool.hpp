#pragma once

#include "run_on.hpp"

#include <libnet/runtime/offload.hpp>
#include <libnet/runtime/task.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>

namespace libnet::tests {

/// Where work waits until the test lets it go on. Outlives both.
class gate {
public:
    gate() : opened_(open_.get_future().share()) {}

    void open() { open_.set_value(); }

    /// For the work.
    auto waiting() const
    {
        return [opened = opened_, begun = begun_] {
            *begun = true;
            opened.wait();
        };
    }

    bool begun() const { return *begun_; }
    void wait_until_begun() const
    {
        while (!begun()) {
            std::this_thread::yield();
        }
    }

private:
    std::promise<void> open_;
    std::shared_future<void> opened_;
    std::shared_ptr<std::atomic<bool>> begun_ = std::make_shared<std::atomic<bool>>(false);
};

/// Occupies the only thread of a pool for as long as it is there.
class occupied {
public:
    explicit occupied(thread_pool& pool)
        : thread_([&pool, work = busy_.waiting()] {
              asio::io_context io;
              auto body = [&]() -> task<> { co_await checked(offload(pool, work)); };
              EXPECT_TRUE(run_on(io, body()));
          })
    {
        busy_.wait_until_begun();
    }
    ~occupied()
    {
        if (thread_.joinable()) {
            leave();
        }
    }

    void leave()
    {
        busy_.open();
        thread_.join();
    }

private:
    gate busy_;
    std::thread thread_;
};

}  // namespace libnet::tests
