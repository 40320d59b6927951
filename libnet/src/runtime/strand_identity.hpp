#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/strand.hpp>

#include <type_traits>
#include <utility>

namespace libnet::detail {

using plain_executor = boost::asio::io_context::executor_type;
using counting_executor = std::decay_t<decltype(boost::asio::require(
    std::declval<plain_executor>(), boost::asio::execution::outstanding_work.tracked))>;

/// What all copies of a strand have in common, and no other strand while one of them lives. Asio's
/// strands can be compared, but neither ordered nor hashed: a registry of them could only be searched.
const void* strand_identity(const boost::asio::strand<plain_executor>& of) noexcept;
const void* strand_identity(const boost::asio::strand<counting_executor>& of) noexcept;
const void* strand_identity(const boost::asio::strand<boost::asio::any_io_executor>& of) noexcept;

/// It is the address of what they share, which Asio keeps to itself. An explicit instantiation may name
/// what is private; if it has another name one day, this does not compile.
template <class Executor, auto Shared>
struct reveal_shared {
    friend const void* strand_identity(const boost::asio::strand<Executor>& of) noexcept
    {
        return (of.*Shared).get();
    }
};

template struct reveal_shared<plain_executor, &boost::asio::strand<plain_executor>::impl_>;
template struct reveal_shared<counting_executor, &boost::asio::strand<counting_executor>::impl_>;
template struct reveal_shared<boost::asio::any_io_executor,
                              &boost::asio::strand<boost::asio::any_io_executor>::impl_>;

}  // namespace libnet::detail
