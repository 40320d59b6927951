// What every consumer builds and runs, however it came by the library.

#include <libnet/version.hpp>

#include <cstdio>

int main()
{
    std::printf("linked with libnet %d.%d.%d\n", LIBNET_ASIO_VERSION_MAJOR,
                LIBNET_ASIO_VERSION_MINOR, LIBNET_ASIO_VERSION_PATCH);
}
