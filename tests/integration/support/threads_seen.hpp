#pragma once

#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace integration {

/// The threads on which something was called.
class threads_seen {
public:
    void add()
    {
        const std::lock_guard lock(mutex_);
        ++calls_[std::this_thread::get_id()];
    }

    std::vector<int> counts() const
    {
        const std::lock_guard lock(mutex_);
        std::vector<int> found;
        for (const auto& [thread, calls] : calls_) {
            found.push_back(calls);
        }
        return found;
    }

private:
    mutable std::mutex mutex_;
    std::map<std::thread::id, int> calls_;
};

}  // namespace integration
