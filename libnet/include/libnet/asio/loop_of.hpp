#pragma once

#include <libnet/core/config.hpp>
#include <libnet/runtime/loop.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>

// Asio finds its reactor by typeid, or without RTTI by another key: code that disagrees with the
// library would wait on a second reactor that nobody runs.
#if defined(BOOST_ASIO_NO_TYPEID) && !defined(LIBNET_ASIO_WITHOUT_RTTI)
#error "<libnet/asio.hpp> needs RTTI, unless libnet is built without it: LIBNET_ASIO_WITHOUT_RTTI"
#endif

/// Between executors of Asio's and loops. Where something of libnet's lives, an executor says: an
/// io_context's own, for contexts that one thread runs, or a strand, for contexts that several do.
namespace libnet {

namespace asio = boost::asio;

/// The loop that lives in `context`; made at the first call. The context must be run by one thread
/// at a time, or what lives in it must be left alone: give each connection a strand then. Two threads
/// that meet in the loop end the program, with a text that says so.
LIBNET_ASIO_DECL loop& loop_of(asio::io_context& context);

/// The loop behind an executor: an io_context's own, or that of a strand, made when it is needed and
/// kept while a task, a connection or a socket lives on it.
///
/// Throws  std::invalid_argument for an executor that leads to no io_context; std::logic_error for a
///         strand when this is not called on it.
/// Cost    finding a strand's loop takes a lock and one look into a hash table; a loop takes 4 KiB.
LIBNET_ASIO_DECL loop& loop_of(const asio::any_io_executor& executor);

/// The context in which a loop lives.
LIBNET_ASIO_DECL asio::io_context& context_of(loop& l);

/// Where its handlers run: the context, or the strand.
LIBNET_ASIO_DECL asio::any_io_executor executor_of(loop& l);

/// How many strands of `context` have a loop now. Any thread.
LIBNET_ASIO_DECL std::size_t strand_loops(asio::io_context& context);

}  // namespace libnet
