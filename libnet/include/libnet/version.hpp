#pragma once

// The one place where the version stands: CMake, pkg-config and Conan read it from here.

#define LIBNET_ASIO_VERSION_MAJOR 0
#define LIBNET_ASIO_VERSION_MINOR 1
#define LIBNET_ASIO_VERSION_PATCH 0
