#pragma once

#include <libnet/asio/loop_of.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/task.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <exception>
#include <memory>
#include <utility>

/// Tasks and operations of libnet, started from Asio's side with any completion token.
///
///     auto frame = co_await libnet::async(peer.receive(), asio::use_awaitable);
///     libnet::spawn(io, serve(), [](std::exception_ptr e, libnet::result<> r) { ... });
namespace libnet {

namespace detail {

/// Whether this thread may touch what lives on `executor`: it is no strand, or it is in it.
LIBNET_ASIO_DECL bool runs_here(const asio::any_io_executor& executor);

/// A fiber that ends in a completion handler of Asio's side.
template <class T, class Handler>
class spawned final : public described_fiber {
public:
    static void start(loop& l, task<T> t, Handler handler)
    {
        auto slot = asio::get_associated_cancellation_slot(handler);
        const auto frame = task_access<T>::release(t);
        auto* self = new spawned(l, frame, std::move(handler));
        if (slot.is_connected()) {
            self->link_ = std::make_shared<spawned*>(self);
            slot.assign([link = self->link_](asio::cancellation_type) {
                if (*link != nullptr) {
                    (*link)->cancel();
                }
            });
        }
    }

    /// At shutdown nobody is told, and the slot may be older or younger than the task.
    ~spawned() override
    {
        if (link_) {
            *link_ = nullptr;
        }
    }

private:
    using handle = typename task_access<T>::handle;
    using executor = asio::associated_executor_t<Handler, asio::any_io_executor>;
    using tracked = std::decay_t<decltype(asio::prefer(std::declval<executor>(),
                                                       asio::execution::outstanding_work.tracked))>;

    spawned(loop& l, handle frame, Handler handler)
        : described_fiber(l, frame),
          handler_(std::move(handler)),
          work_(asio::prefer(asio::get_associated_executor(handler_, executor_of(l)),
                             asio::execution::outstanding_work.tracked)),
          home_work_(context_of(l).get_executor())
    {
    }

    void ended() noexcept override
    {
        auto slot = asio::get_associated_cancellation_slot(handler_);
        if (slot.is_connected()) {
            slot.clear();
        }
        auto& promise = static_cast<typename task_access<T>::promise_type&>(this->promise());
        std::exception_ptr exception = promise.failure.exception();
        result<T> outcome = exception ? failed<T>(error::no_value) : promise.take();
        Handler handler = std::move(handler_);
        tracked work = std::move(work_);
        delete this;
        asio::post(work, [handler = std::move(handler), exception,
                          outcome = std::move(outcome)]() mutable {
            std::move(handler)(exception, std::move(outcome));
        });
    }

    Handler handler_;
    tracked work_;  // the handler's executor waits for the task, and so does its own
    asio::executor_work_guard<asio::io_context::executor_type> home_work_;
    std::shared_ptr<spawned*> link_;
};

}  // namespace detail

/// Starts a task of libnet from Asio's side. Completes with `void(std::exception_ptr, result<T>)`:
/// what the task threw, if it threw, else how it ended. The completion handler's cancellation slot
/// cancels the task (from the loop's thread, as is Asio's rule).
template <class T, class Token>
auto spawn(loop& l, task<T> t, Token&& token)
{
    return asio::async_initiate<Token, void(std::exception_ptr, result<T>)>(
        [&l](auto handler, task<T> body) {
            detail::spawned<T, decltype(handler)>::start(l, std::move(body), std::move(handler));
        },
        token, std::move(t));
}

/// The same on the executor of `context`.
template <class T, class Token>
auto spawn(asio::io_context& context, task<T> t, Token&& token)
{
    return spawn(loop_of(context), std::move(t), std::forward<Token>(token));
}

/// On a strand from any thread, as everything of Asio's.
template <class T, class Token>
auto spawn(const asio::any_io_executor& executor, task<T> t, Token&& token)
{
    return asio::async_initiate<Token, void(std::exception_ptr, result<T>)>(
        [executor](auto handler, task<T> body) {
            using spawned = detail::spawned<T, decltype(handler)>;
            if (detail::runs_here(executor)) {
                spawned::start(loop_of(executor), std::move(body), std::move(handler));
                return;
            }
            auto work = asio::make_work_guard(asio::get_associated_executor(handler, executor));
            asio::post(executor, [executor, work = std::move(work), body = std::move(body),
                                  handler = std::move(handler)]() mutable {
                spawned::start(loop_of(executor), std::move(body), std::move(handler));
            });
        },
        token, std::move(t));
}

/// Starts one operation of libnet from Asio's side: `libnet::async(peer.receive(), token)`.
template <class T, class Token>
auto async(operation<T> o, Token&& token)
{
    loop& home = o.home();
    return spawn(home, detail::lift(std::move(o)), std::forward<Token>(token));
}

}  // namespace libnet
