#include <libnet/runtime/task.hpp>

#include <cstdio>
#include <exception>

namespace libnet::detail {

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ * 100 + __GNUC_MINOR__ < 1203

void miscompiled() noexcept
{
    std::fputs("libnet: this compiler lays out the frame of a coroutine wrongly that awaits in the "
               "condition of an if or a loop and has no variable (GCC bug 106188, fixed in 12.3). "
               "Name what is awaited: while (auto frame = co_await peer.receive())\n",
               stderr);
    std::terminate();
}

#endif

}  // namespace libnet::detail
