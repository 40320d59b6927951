#pragma once

#include <libnet/core/list_node.hpp>
#include <libnet/framing/receive_buffer.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/session/memory_pressure.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace libnet::detail {

/// What the connections of a server may hold in buffers, all together. Whoever holds more than a fair
/// share is slowed down first; if that is not enough, the greatest go.
///
///     0               5/8   3/4                  7/8      limit
///     |  everybody grows     | up to a fair share  |        | the greatest end, down to 7/8
///     |<- pressure is over   |<- begins: what is empty is given back
///
/// Threads  the loop's, but for used() and shed().
class memory_budget {
public:
    /// A connection, in the books. Counts in from enter() on, until it is unlinked.
    struct account : list_node {
        virtual void memory_is_free() noexcept = 0;  // it asked for more and was refused
        virtual void give_unused_back() noexcept = 0;
        virtual void give_memory_up() noexcept = 0;  // it ends
        /// Bytes that it was charged for.
        std::size_t held() const noexcept { return held_and_waits_ >> 1; }
        void hold(std::size_t size) noexcept { held_and_waits_ = size << 1 | std::size_t{waits()}; }

        bool waits() const noexcept { return (held_and_waits_ & 1) != 0; }
        void set_waits(bool w) noexcept { held_and_waits_ = held() << 1 | std::size_t{w}; }

    protected:
        ~account() = default;

    private:
        std::size_t held_and_waits_ = 0;  // one word, so that it fits in 40 bytes with its owner
    };

    /// What a connection counts for without buffers: itself, its stream, and the frame of a session that
    /// does more than to echo.
    static constexpr std::size_t without_buffers = 3072;

    using pressure_hook = std::function<void(const memory_pressure&)>;

    explicit memory_budget(std::size_t limit) noexcept;

    /// Whom to tell when it becomes tight, and when it is over. Must not throw.
    void tell(pressure_hook whom) { tell_ = std::move(whom); }

    void enter(account& a, loop& home) noexcept;
    void leave(account& a) noexcept;

    /// So much it holds now.
    void charge(account& a, std::size_t buffers) noexcept
    {
        if (const std::size_t held = buffers + without_buffers; held != a.held()) {
            change(a, held);
        }
    }

    /// How much output a connection may gather at the moment if it would like `wish`. Half a share:
    /// the other is for its input.
    std::size_t allowance(std::size_t wish) const noexcept
    {
        return is_tight() ? allowance_when_tight(wish) : wish;
    }

    /// Whoever would like to read may, as much as it likes.
    bool has_plenty() const noexcept { return !is_tight(receive_buffer::largest_read); }

    /// How much room it may take to read into if its buffer would grow by so much. None: it hears
    /// when there is memory again.
    std::size_t room_to_read(account& a, std::size_t growth) noexcept;

    std::size_t used() const noexcept { return used_; }
    std::uint64_t shed() const noexcept { return shed_; }

private:
    struct review_node : work_node {
        memory_budget* budget;
    };

    void change(account& a, std::size_t held) noexcept;
    void review() noexcept;
    void review_later() noexcept;
    void shed_greatest() noexcept;
    void look_at_pressure() noexcept;
    bool pressure_changes() const noexcept
    {
        return under_pressure_ ? used_ < limit_ / 8 * 5 : is_tight();
    }
    bool is_tight(std::size_t more = 0) const noexcept { return used_ + more >= tight_at_; }
    std::size_t allowance_when_tight(std::size_t wish) const noexcept;
    std::size_t fair_share() const noexcept;

    const std::size_t limit_;
    const std::size_t tight_at_;
    pressure_hook tell_;
    bool under_pressure_ = false;
    std::atomic<std::size_t> used_{0};
    std::atomic<std::uint64_t> shed_{0};
    std::size_t count_ = 0;
    bool somebody_waits_ = false;
    loop* home_ = nullptr;
    node_list<account> accounts_;
    review_node review_;
};

}  // namespace libnet::detail
