# cmake --install: headers, libraries, the CMake package `libnet` and the pkg-config modules. What a program needs that
# was built with a shared libnet is the component libnet_runtime, everything else is libnet_development.

include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/libnet")
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME libnet_development)

# Headers. A component that was not built brings no headers.
set(left_out "")
if(NOT TARGET libnet_testing)
    list(APPEND left_out PATTERN "testing" EXCLUDE)
endif()
if(NOT TARGET libnet_tls)
    list(APPEND left_out PATTERN "tls*.hpp" EXCLUDE)
endif()
install(DIRECTORY include/libnet TYPE INCLUDE FILES_MATCHING PATTERN "*.hpp" ${left_out})

# Libraries. One export file per component, so that find_package() loads what was asked for.
function(libnet_asio_install_library target export)
    install(TARGETS ${target} EXPORT ${export}
        RUNTIME COMPONENT libnet_runtime
        LIBRARY COMPONENT libnet_runtime NAMELINK_COMPONENT libnet_development
        INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
    install(EXPORT ${export} NAMESPACE libnet:: DESTINATION "${package_dir}")
endfunction()
libnet_asio_install_library(libnet libnetTargets)
foreach(component IN LISTS LIBNET_ASIO_COMPONENTS)
    libnet_asio_install_library(libnet_${component} libnet-${component}Targets)
endforeach()

# The CMake package.
configure_package_config_file(cmake/libnetConfig.cmake.in "${CMAKE_CURRENT_BINARY_DIR}/libnetConfig.cmake"
    INSTALL_DESTINATION "${package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/libnetConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion) # SameMajorVersion from 1.0 on
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/libnetConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/libnetConfigVersion.cmake"
    DESTINATION "${package_dir}")

# pkg-config. The prefix is found from the file's own place, so that `cmake --install --prefix` and a moved tree work.
# An absolute CMAKE_INSTALL_LIBDIR (Nix has one) must not be prefixed again.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
else()
    file(RELATIVE_PATH to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    string(REGEX REPLACE "/$" "" to_prefix "${to_prefix}")
    set(PC_PREFIX "\${pcfiledir}/${to_prefix}")
endif()
foreach(dir LIBDIR INCLUDEDIR)
    if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
        set(PC_${dir} "${CMAKE_INSTALL_${dir}}")
    else()
        set(PC_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
    endif()
endforeach()
set(PC_CFLAGS "-DBOOST_ASIO_NO_DEPRECATED")
if(BUILD_SHARED_LIBS)
    string(APPEND PC_CFLAGS " -DLIBNET_ASIO_SHARED")
endif()
# Boost has no .pc file. Where its headers are not on the compiler's own path, ours has to say where they are.
get_target_property(boost_includes Boost::headers INTERFACE_INCLUDE_DIRECTORIES)
foreach(dir IN LISTS boost_includes)
    if(IS_ABSOLUTE "${dir}" AND NOT dir IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
        string(APPEND PC_CFLAGS " -I${dir}")
    endif()
endforeach()
# Whoever links a static libnet-asio-tls links OpenSSL too, without asking pkg-config for --static.
set(PC_OPENSSL_PUBLIC "")
set(PC_OPENSSL_PRIVATE "libssl >= 3.0, libcrypto >= 3.0")
if(NOT BUILD_SHARED_LIBS)
    set(PC_OPENSSL_PUBLIC ", ${PC_OPENSSL_PRIVATE}")
endif()
set(pc_modules net-asio)
foreach(component IN LISTS LIBNET_ASIO_COMPONENTS)
    list(APPEND pc_modules net-asio-${component})
endforeach()
foreach(module IN LISTS pc_modules)
    configure_file(cmake/${module}.pc.in "${CMAKE_CURRENT_BINARY_DIR}/${module}.pc" @ONLY)
    install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${module}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
