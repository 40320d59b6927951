#pragma once

#include <libnet/asio.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace libnet::tests {

/// Runs a task on a real context until there is nothing left to do. Rethrows.
template <class T>
result<T> run_on(asio::io_context& io, task<T> body)
{
    std::optional<result<T>> outcome;
    std::exception_ptr exception;
    spawn(io, std::move(body), [&](std::exception_ptr thrown, result<T> ended) {
        exception = thrown;
        outcome.emplace(std::move(ended));
    });
    io.restart();
    io.run();
    if (exception) {
        std::rethrow_exception(exception);
    }
    return outcome ? std::move(*outcome) : detail::failed<T>(error::no_value);
}

}  // namespace libnet::tests
