#pragma once

#include <libnet/runtime/timer.hpp>
#include <libnet/transport/listener.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace libnet::tests {

/// Clients in memory who come as fast as they are accepted, until there is none. They come in the
/// order of next(), which answers null when nobody comes until more(). Only its end ends it.
class eager_listener final : public listener {
public:
    eager_listener(loop& home, std::function<std::unique_ptr<stream>()> next)
        : next_(std::move(next)), rest_(home)
    {
    }

    task<std::unique_ptr<stream>> accept() override
    {
        for (;;) {
            if (auto client = next_()) {
                co_return std::move(client);
            }
            rest_.expires_at(end_of_time);
            co_await checked(rest_.wait());
        }
    }
    void more() { rest_.expires_after(duration::zero()); }
    void close() noexcept override {}
    std::string local() const override { return "memory"; }

private:
    std::function<std::unique_ptr<stream>()> next_;
    timer rest_;
};

}  // namespace libnet::tests
