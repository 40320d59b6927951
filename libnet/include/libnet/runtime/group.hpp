#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/error.hpp>
#include <libnet/core/list_node.hpp>
#include <libnet/runtime/operation.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/runtime/within.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

namespace libnet {

namespace detail {

class group_member;

/// A task's place in the list of those of its group.
struct group_place : list_node {};

}  // namespace detail

/// The running tasks of a `with_group`. Nothing in it outlives the scope that opened it.
class LIBNET_ASIO_DECL group {
public:
    group(const group&) = delete;
    group& operator=(const group&) = delete;
    ~group();

    /// Runs `child` beside the others; it begins when the caller next suspends. The first child
    /// that fails cancels all the others and the body, and its error is the group's.
    void start(task<> child);

    /// Waits until no child is left.
    ///
    /// Errors   that of the first child that failed; a child that ended because of cancel() did not.
    /// Cancel   safe: the children go on.
    /// Overlap  one at a time.
    [[nodiscard]] operation<> join();

    /// Cancels all children, and those that are started later. They end at their next await.
    void cancel() noexcept;

    /// Children that have not ended.
    std::size_t size() const noexcept { return size_; }

private:
    template <class Body>
    friend task<> with_group(Body&& body);
    friend class detail::group_member;

    struct source;

    explicit group(detail::fiber& owner) noexcept;

    void began(detail::group_member& child) noexcept;
    void lost_one(const error_code& failure, std::exception_ptr thrown) noexcept;
    void stop_body() noexcept;

    loop& loop_;
    detail::fiber& owner_;
    detail::scope* body_scope_ = nullptr;
    detail::node_list<detail::group_place> members_;
    std::size_t size_ = 0;
    detail::operation_waiter<void>* joiner_ = nullptr;
    bool cancelled_ = false;
    error_code failure_;
    std::exception_ptr exception_;
};

namespace detail {

/// Tells a group which scope its body runs in, so that a failing child can stop it.
template <class Body>
task<> group_body(group& g, Body& body, scope*& in_scope)
{
    struct clear {
        scope*& target;
        ~clear() { target = nullptr; }
    };
    fiber& self = co_await fiber_await{};
    in_scope = self.current_scope();
    const clear on_end{in_scope};
    co_await checked(body(g));
}

}  // namespace detail

/// Opens a scope for tasks that run side by side, and leaves it when all of them have ended:
///
///     auto read_and_write = [&](group& g) -> task<> {
///         g.start(reader(peer));
///         co_await checked(writer(peer));      // when this one ends, the reader is cancelled
///     };
///     co_await with_group(read_and_write);
///
/// When the body has ended, in whichever way, the children that still run are cancelled and
/// awaited; to let them finish, end the body with `co_await g.join()`.
///
/// Errors   the body's, or that of the first child that failed. Exceptions likewise.
/// Cancel   cancels the body and with it the children; returns when all have ended.
/// Lifetime the body is called by reference when it is a variable; a temporary is moved in. A
///          lambda that owns what it captures must be a variable: GCC 12 destroys such a temporary
///          twice when it stands in an await.
template <class Body>
task<> with_group(Body&& body)
{
    static_assert(std::is_lvalue_reference_v<Body> ||
                      std::is_trivially_destructible_v<std::remove_reference_t<Body>>,
                  "name the lambda first: auto body = [...](group& g) -> task<> {...}; "
                  "co_await with_group(body);");
    return [](std::conditional_t<std::is_lvalue_reference_v<Body>, Body, std::remove_cvref_t<Body>>
                  run) -> task<> {
        group g(co_await detail::fiber_await{});
        result<> outcome;
        std::exception_ptr exception;
        try {
            outcome = co_await within(never, detail::group_body(g, run, g.body_scope_));
        } catch (...) {
            exception = std::current_exception();
        }
        g.cancel();
        (void)co_await shielded(never, g.join());
        if (g.exception_) {
            std::rethrow_exception(g.exception_);
        }
        if (g.failure_) {
            co_await fail(g.failure_);
        }
        if (exception) {
            std::rethrow_exception(exception);
        }
        if (outcome.has_error()) {
            co_await fail(outcome.error());
        }
    }(std::forward<Body>(body));
}

}  // namespace libnet
