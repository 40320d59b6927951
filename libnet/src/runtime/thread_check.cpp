#include <libnet/runtime/thread_check.hpp>

#include <stdexcept>

namespace libnet::detail {

/// By an exception that nobody can catch, since enter() lets none out: so that what it says is told as everything is that ends a
/// program.
void thread_check::end_the_program()
{
    throw std::logic_error(
        "libnet: two threads are in one loop at the same time. In an io_context that several threads "
        "run, what is of libnet lives on a strand: give spawn() and serve() "
        "boost::asio::make_strand(context)");
}

}  // namespace libnet::detail
