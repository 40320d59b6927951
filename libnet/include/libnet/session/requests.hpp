#pragma once

#include <libnet/runtime/task.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/request_queue.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace libnet {

/// How many calls there may be, and what they may cost.
struct requests_options {
    /// Calls that have not ended, at most: those above it are refused at once.
    std::size_t limit = 1024;

    /// Of a call that says nothing else.
    call_options call{};
};

/// What the application asks, and a session answers over its connection: the way from the one to the
/// other, whatever becomes of connections in between.
///
///     requests<std::string> lookups;                   // text asks, text answers
///     auto answer = co_await lookups.call("apple");    // anywhere
///
///     auto line = lookups.open();                      // in the session, when it is ready
///     auto asked = co_await checked(line.next());      // the next call: a ticket
///     asked.answer(text);                              // now the call has ended
///
/// Every call ends: with its answer, or an error that says why there is none. A ticket that goes
/// unanswered, because its session ended in whichever way, ends the call with `connection_lost`, or
/// lets it wait for the next session if the caller declared that the request may be repeated.
/// Nothing is ever sent again without that.
///
/// `pipelined` and `multiplexed` are whole sessions for protocols with answers in order, or by number.
///
/// Threads  one loop's. Several sessions may share one: each call goes to one of them.
template <class Request, class Response = Request>
class requests {
    struct entry : detail::pending_call {
        explicit entry(Request r) : request(std::move(r)) {}
        Request request;
        std::optional<Response> response;
    };

public:
    /// A call in the hands of a session.
    class [[nodiscard]] ticket {
    public:
        ticket(ticket&&) = default;
        ticket& operator=(ticket&&) = delete;

        /// Unanswered, it is lost.
        ~ticket()
        {
            if (detail::pending_call* call = claim_.release()) {
                static_cast<entry*>(call)->request = std::move(request_);
                claim_.queue->lost(*call);
            }
        }

        /// What was asked. Valid as long as the ticket.
        const Request& request() const noexcept { return request_; }

        /// Whether somebody still waits for the answer.
        bool wanted() const noexcept { return claim_.call != nullptr; }

        /// Ends the call; without effect if nobody waits for it.
        void answer(Response with)
        {
            if (wanted()) {
                static_cast<entry*>(claim_.call)->response.emplace(std::move(with));
                claim_.queue->end(*claim_.release(), {});
            }
        }
        void fail(error_code why)
        {
            if (wanted()) {
                claim_.queue->end(*claim_.release(), why);
            }
        }

        /// It has not left: the next session may have it, whether it may be repeated or not.
        void put_back()
        {
            if (wanted()) {
                static_cast<entry*>(claim_.call)->request = std::move(request_);
                claim_.queue->put_back(*claim_.release());
            }
        }

    private:
        friend class requests;
        ticket(const std::shared_ptr<detail::request_queue>& queue, entry& e)
            : claim_(queue, e), request_(std::move(e.request))
        {
        }

        detail::request_claim claim_;
        Request request_;
    };

    /// A session that takes requests. As long as one lives, the callers are not offline.
    class [[nodiscard]] line {
    public:
        line(line&&) noexcept = default;
        line& operator=(line&&) = delete;
        ~line()
        {
            if (queue_) {
                queue_->close_line();
            }
        }

        /// The call that has waited longest, as soon as there is one.
        ///
        /// Errors   cancelled, timeout. Cancel  safe. Overlap  any number.
        task<ticket> next() { return take(queue_); }

    private:
        friend class requests;
        explicit line(std::shared_ptr<detail::request_queue> queue) noexcept
            : queue_(std::move(queue))
        {
            queue_->open_line();
        }

        std::shared_ptr<detail::request_queue> queue_;
    };

    /// Without a session: calls wait for one, or end, as their options say.
    explicit requests(requests_options options = {})
        : queue_(std::make_shared<detail::request_queue>(options.limit)), usual_(options.call)
    {
    }
    requests(const requests&) = delete;
    requests& operator=(const requests&) = delete;

    /// Calls that still wait end with `cancelled`.
    ~requests() { close(error::cancelled); }

    /// Asks, and waits for the answer.
    ///
    /// Errors   call_timeout; connection_lost: whether it was carried out is not known;
    ///          not_connected, limit_reached: it was not even sent; what close() was told; what the
    ///          session answers.
    /// Cancel   the request is not sent if it still waits; an answer that comes later is dropped.
    /// Overlap  any number; they are sent in order.
    /// Cost     a frame from the pool.
    template <class R>
        requires std::constructible_from<Request, R&&>
    task<Response> call(R&& request, const call_options& how)
    {
        static_assert(!std::is_aggregate_v<std::remove_reference_t<R>> ||
                          std::is_lvalue_reference_v<R> || std::is_trivially_destructible_v<R>,
                      "name the request first: GCC 12 destroys a temporary aggregate inside an "
                      "await twice");
        return ask(queue_, Request(std::forward<R>(request)), how);
    }

    /// With the options of requests_options::call.
    template <class R>
        requires std::constructible_from<Request, R&&>
    task<Response> call(R&& request)
    {
        return call(std::forward<R>(request), usual_);
    }

    /// For a session, when it can take requests.
    line open() { return line(queue_); }

    /// Calls that wait to be sent, and all later ones, end with `why`.
    void close(const error_code& why = error::closed) noexcept { queue_->close(why); }

    /// As of now.
    requests_stats stats() const noexcept { return queue_->stats(); }

private:
    /// Gives the call up however its frame ends.
    struct place {
        ~place() { queue.leave(call); }
        detail::request_queue& queue;
        detail::pending_call& call;
    };

    static task<Response> ask(std::shared_ptr<detail::request_queue> queue, Request request,
                              call_options how)
    {
        loop& home = co_await this_loop();
        const time_point asked = home.now();
        entry call(std::move(request));
        call.how = how;
        const place in_queue{*queue, call};
        co_await checked(queue->enter(call, home));
        const auto ended = co_await within(how.timeout, detail::request_queue::end_of(call));
        if (ended.has_error()) {
            const bool late = ended.error() == error::timeout && !call.ended &&
                              home.now() >= add(asked, how.timeout);
            co_return late ? make_error_code(error::call_timeout) : ended.error();
        }
        co_return std::move(*call.response);
    }

    static task<ticket> take(std::shared_ptr<detail::request_queue> queue)
    {
        loop& home = co_await this_loop();
        detail::pending_call* call = queue->take();
        while (call == nullptr) {
            co_await checked(queue->arrivals(home).wait());
            call = queue->take();
        }
        co_return ticket(queue, *static_cast<entry*>(call));
    }

    std::shared_ptr<detail::request_queue> queue_;
    call_options usual_;
};

}  // namespace libnet
