#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/offloaded_work.hpp>
#include <libnet/runtime/operation.hpp>
#include <libnet/runtime/task.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace libnet::detail {

/// Work on its way from a task to a shard, where it is a task itself, and back.
///
///     the task's loop                          the shard
///     end() ------------- a letter ----------> the work begins; what it is made of dies there
///     abandon ----------- a letter ----------> it is cancelled
///     arrive() <--------- a letter ----------- it has ended, or was destroyed, or the first letter was
///
/// Whoever holds it may go first. Each side touches its own half; the locks of the mailboxes put in order
/// what crosses.
class LIBNET_ASIO_DECL remote_work : public std::enable_shared_from_this<remote_work> {
public:
    explicit remote_work(std::shared_ptr<mailbox> there) noexcept;
    virtual ~remote_work();

    /// Sends the work, unless that has been done, and waits until it has ended. Awaited by a task of
    /// `home`. Whoever gives up waiting cancels it.
    operation<> end(loop& home) noexcept;

    /// It has been sent, and its answer is not here.
    bool is_under_way() const noexcept { return state_ == state::under_way; }

    /// What the work threw is thrown here.
    void rethrow();

private:
    struct source;
    class ticket;

    enum class state : unsigned char { unsent, under_way, ended };

    /// The work itself, on the shard's thread; it keeps its answer.
    virtual task<> work() = 0;

    /// What was to be called goes, on the shard's thread.
    virtual void forget() noexcept = 0;

    static task<> run(std::shared_ptr<ticket> owed);
    static void begin(const std::shared_ptr<ticket>& owed) noexcept;
    result<> send();
    void ask_to_end() noexcept;
    void arrive() noexcept;

    // The waiting task's thread.
    std::shared_ptr<mailbox> there_;
    loop* home_ = nullptr;
    operation_waiter<void>* waiting_ = nullptr;
    state state_ = state::unsent;

    // Said at once, and not in a letter: work whose letter is not read yet never begins.
    std::atomic<bool> told_to_end_{false};

    // The shard's, until it answers.
    std::shared_ptr<mailbox> box_;  // of home_
    fiber* running_ = nullptr;
    error_code failure_ = error::cancelled;  // unless it ends otherwise
    std::exception_ptr exception_;
};

/// What an answer of the work stands for: as offloaded work, and a task for its value.
template <class Answer>
struct remote_value : offloaded_value<Answer> {};
template <class T>
struct remote_value<task<T>> {
    using type = T;
};

template <class Function, class... Arguments>
class remote_call final : public remote_work {
public:
    using answer_type = std::decay_t<std::invoke_result_t<Function, Arguments...>>;
    using value_type = typename remote_value<answer_type>::type;

    template <class... Given>
    explicit remote_call(std::shared_ptr<mailbox> there, Given&&... given)
        : remote_work(std::move(there)), call_(std::in_place, std::forward<Given>(given)...)
    {
    }

    result<value_type> take()
    {
        rethrow();
        result<value_type> taken = std::move(*outcome_);
        outcome_.reset();
        return taken;
    }

private:
    task<> work() override
    {
        if constexpr (std::is_same_v<answer_type, task<value_type>>) {
            auto begun =
                std::apply([](auto&... parts) { return std::invoke(std::move(parts)...); }, *call_);
            outcome_.emplace(co_await std::move(begun));
        } else {
            call_into(outcome_, *call_);
        }
        co_return;
    }

    void forget() noexcept override { call_.reset(); }

    std::optional<std::tuple<Function, Arguments...>> call_;  // until it has ended
    std::optional<result<value_type>> outcome_;
};

}  // namespace libnet::detail
