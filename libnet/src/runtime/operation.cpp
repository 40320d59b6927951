#include <libnet/runtime/operation.hpp>

#include <boost/system/errc.hpp>

#include <cstdio>
#include <exception>

namespace libnet::detail {

void awaited_again() noexcept
{
    std::fputs("libnet: this operation was awaited before. Call the function that made it once more, or "
               "await a copy\n",
               stderr);
    std::terminate();
}

error_code out_of_memory() noexcept
{
    return make_error_code(boost::system::errc::not_enough_memory);
}

}  // namespace libnet::detail
