#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/wait_list.hpp>
#include <libnet/session/connection.hpp>
#include <libnet/session/request_books.hpp>
#include <libnet/session/requests.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

namespace libnet {

/// How requests become messages, and answers.
struct request_session_options {
    /// Requests that may be on the way without an answer. The rest waits here, where it can still be
    /// given up or go over another connection.
    std::size_t in_flight = 256;

    /// How long nothing may come back while answers are due; then the session ends with
    /// `call_timeout`, so that a server that has gone deaf is left.
    duration answer_timeout = std::chrono::seconds(30);
};

/// Text for text: a request is a payload, and so is its answer.
struct plain_codec {
    /// From a request to a payload, a view into it; and from a payload to an answer.
    template <class Request>
    bytes encode(const Request& request) const noexcept
    {
        return as_bytes(request);
    }
    std::string decode(bytes frame) const { return to_string(frame); }
};

namespace detail {

inline bool refuses_one_message(const error_code& why) noexcept
{
    return why == error::refused_payload || why == error::frame_too_large ||
           why == error::peer_not_reading;
}

/// Sends calls as they come, and hands out answers as they come.
template <class Calls, class Codec, template <class> class Book>
class request_speaker {
public:
    request_speaker(connection& peer, Calls& calls, Codec codec, request_session_options how)
        : peer_(peer),
          line_(calls.open()),
          codec_(std::move(codec)),
          how_(how),
          room_(peer.home()),
          patience_(peer.home())
    {
    }

    task<> write()
    {
        for (;;) {
            while (book_.size() >= how_.in_flight) {
                book_.forget_unwanted();
                if (book_.size() >= how_.in_flight) {
                    co_await checked(room_.wait());
                }
            }
            auto waiting = line_.next();
            auto asked = co_await checked(std::move(waiting));
            const auto payload = book_.encode(codec_, asked);
            const auto sent = co_await peer_.send(payload);
            if (sent) {
                if (book_.size() == 0) {
                    patience_.expires_after(how_.answer_timeout);
                }
                book_.add(std::move(asked));
            } else if (refuses_one_message(sent.error())) {
                asked.fail(sent.error());
            } else {
                asked.put_back();
                co_await fail(sent.error());
            }
        }
    }

    task<> read()
    {
        for (;;) {
            const bytes frame = co_await checked(peer_.receive());
            if (!book_.answer(codec_, frame)) {
                peer_.fail(error::malformed_frame);
                co_await fail(error::malformed_frame);
            }
            patience_.expires_after(book_.size() == 0 ? never : how_.answer_timeout);
            room_.wake_one();
        }
    }

    task<> watch()
    {
        co_await checked(patience_.wait());
        co_await fail(error::call_timeout);
    }

private:
    connection& peer_;
    typename Calls::line line_;  // goes after the calls in the book
    Codec codec_;
    request_session_options how_;
    wait_list room_;
    timer patience_;
    Book<typename Calls::ticket> book_;
};

template <template <class> class Book, class Calls, class Codec>
task<> speak_requests(connection& peer, Calls& calls, Codec codec, request_session_options how)
{
    request_speaker<Calls, Codec, Book> speaker(peer, calls, std::move(codec), how);
    auto side_by_side = [&](group& g) -> task<> {
        g.start(speaker.write());
        g.start(speaker.watch());
        co_await checked(speaker.read());
    };
    co_await checked(with_group(side_by_side));
}

}  // namespace detail

/// A session that sends the requests of `calls` as they come, without waiting for one answer before
/// the next request, to a server that answers in order:
///
///     client line("localhost:9000", [&](connection& peer) { return pipelined(peer, calls); });
///
/// `codec.encode(request)` answers the payload: bytes, or a text. `codec.decode(frame)` answers what
/// the frame stands for, a Response or a `result` of one; the frame is valid until it returns.
///
/// Errors   those of receive(); call_timeout: no answer for `answer_timeout`; malformed_frame: an
///          answer to nothing. Calls that were under way are lost then.
/// Lifetime `peer` and `calls` outlive it.
template <class Request, class Response, class Codec = plain_codec>
task<> pipelined(connection& peer, requests<Request, Response>& calls, Codec codec = {},
                 request_session_options how = {})
{
    return detail::speak_requests<detail::calls_in_order>(peer, calls, std::move(codec), how);
}

/// The same for a server that answers in any order, by number: `codec.encode(request, number)`, and
/// `codec.decode(frame)` answers `result<std::pair<std::uint64_t, Response>>`. An answer that nobody
/// waits for any more is passed over.
template <class Request, class Response, class Codec>
task<> multiplexed(connection& peer, requests<Request, Response>& calls, Codec codec,
                   request_session_options how = {})
{
    return detail::speak_requests<detail::calls_by_number>(peer, calls, std::move(codec), how);
}

}  // namespace libnet
