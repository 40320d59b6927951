# Debian packages by CPack: cmake --preset debian && cmake --build --preset debian && cpack --preset debian
#
#     libnet-asio0.1     what programs need that were built with a shared libnet; the number is the SONAME's
#     libnet-asio-dev    everything to build with
#     libnet-asio-tools  the sample programs, their man pages and completions
#
# A static build makes no libnet-asio0.1, and its programs need none. Nothing in them has the name of a file of libnet1 or libnet1-dev, the
# packet library: all of them can be installed side by side.

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libnet-asio)
set(CPACK_PACKAGE_VENDOR "the libnet project")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT) # name_version_architecture.deb
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_STRIP_FILES ON)

# Who made the package, as Debian's own tools ask for it.
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "the libnet project <libnet@localhost>")
if(DEFINED ENV{DEBFULLNAME} AND DEFINED ENV{DEBEMAIL})
    set(CPACK_DEBIAN_PACKAGE_MAINTAINER "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
endif()

set(runtime_package "libnet-asio${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
set(development_package libnet-asio-dev)

# The synopsis above it is that of the project.
set(what_it_is "A session is a coroutine over a connection that receives and sends whole messages:
framing, deadlines, limits and clean ends come with the connection. Clients and
servers over TCP, TLS and Unix sockets, and a test kit with a simulated network.
.
This is not the packet library of libnet1-dev.")

set(CPACK_COMPONENTS_ALL libnet_development)
set(CPACK_DEBIAN_LIBNET_DEVELOPMENT_PACKAGE_NAME ${development_package})
set(CPACK_DEBIAN_LIBNET_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBNET_DEVELOPMENT_DESCRIPTION
    "${what_it_is}\n.\nThis package has the headers and what is needed to link.")
set(development_needs "libboost-dev (>= 1.81) | libboost1.81-dev | libboost1.83-dev | libboost1.88-dev")
if(BUILD_SHARED_LIBS)
    list(APPEND CPACK_COMPONENTS_ALL libnet_runtime)
    set(CPACK_DEBIAN_LIBNET_RUNTIME_PACKAGE_NAME ${runtime_package})
    set(CPACK_DEBIAN_LIBNET_RUNTIME_PACKAGE_SECTION libs)
    set(CPACK_DEBIAN_LIBNET_RUNTIME_DESCRIPTION
        "${what_it_is}\n.\nThis package has the shared libraries.")
    set(CPACK_DEBIAN_LIBNET_RUNTIME_PACKAGE_SHLIBDEPS ON)
    set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${PROJECT_BINARY_DIR}/libnet") # one library needs another
    set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
    set(exact_version "${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}")
    string(PREPEND development_needs "${runtime_package} (= ${exact_version}), ")
elseif(TARGET libnet_tls)
    string(APPEND development_needs ", libssl-dev (>= 3.0)")
endif()
set(CPACK_DEBIAN_LIBNET_DEVELOPMENT_PACKAGE_DEPENDS "${development_needs}")

if(LIBNET_ASIO_BUILD_APPS)
    list(APPEND CPACK_COMPONENTS_ALL apps)
    set(CPACK_DEBIAN_APPS_PACKAGE_NAME libnet-asio-tools)
    set(CPACK_DEBIAN_APPS_PACKAGE_SECTION net)
    set(CPACK_DEBIAN_APPS_DESCRIPTION
        "${what_it_is}\n.\nThis package has the sample programs: servers and clients that echo over TCP, TLS and UDP and a\nkey-value server, all with deadlines and limits to set, and impair, a relay that is a bad line.")
    set(CPACK_DEBIAN_APPS_PACKAGE_SHLIBDEPS ON)
    if(BUILD_SHARED_LIBS)
        set(CPACK_DEBIAN_APPS_PACKAGE_DEPENDS "${runtime_package} (= ${exact_version})")
    endif()
endif()

# A package says under which licence it is. `cmake --install` alone leaves that out.
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
    string(TOUPPER ${component} name)
    install(FILES LICENSE DESTINATION "share/doc/${CPACK_DEBIAN_${name}_PACKAGE_NAME}" RENAME copyright
        COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()

include(CPack)
