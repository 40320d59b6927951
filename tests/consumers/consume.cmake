# cmake -DCONSUMER=<name> ... -P consume.cmake: installs libnet into a scratch prefix, or builds one consumer and runs it.

include("${SETTINGS}")
set(prefix "${SCRATCH_DIR}/prefix")
set(scratch "${SCRATCH_DIR}/${CONSUMER}")

function(run)
    list(JOIN ARGN " " command)
    message(STATUS "${command}")
    execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# configure_build_run(<cmake argument>...): a consumer with a CMakeLists.txt, copied so that nothing around it helps.
function(configure_build_run)
    file(REMOVE_RECURSE "${scratch}/source" "${scratch}/build")
    file(COPY "${CMAKE_CURRENT_LIST_DIR}/${CONSUMER}/CMakeLists.txt" "${CMAKE_CURRENT_LIST_DIR}/main.cpp"
        DESTINATION "${scratch}/source")
    run("${CMAKE_COMMAND}" -S "${scratch}/source" -B "${scratch}/build" -G "${GENERATOR}"
        -C "${SETTINGS}" ${ARGN})
    run("${CMAKE_COMMAND}" --build "${scratch}/build" --parallel 2)
    run("${scratch}/build/consumer")
endfunction()

if(CONSUMER STREQUAL "install")
    file(REMOVE_RECURSE "${prefix}")
    run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${prefix}")

elseif(CONSUMER STREQUAL "find_package")
    configure_build_run("-DCMAKE_PREFIX_PATH=${prefix}")

elseif(CONSUMER STREQUAL "add_subdirectory")
    configure_build_run("-DLIBNET_SOURCE_DIR=${SOURCE_DIR}")

elseif(CONSUMER STREQUAL "pkg_config") # no CMake here: what a Makefile would do
    find_program(PKG_CONFIG NAMES pkg-config pkgconf REQUIRED)
    # Moved, because the file must find its prefix by itself.
    set(moved "${scratch}/moved")
    file(REMOVE_RECURSE "${scratch}")
    file(COPY "${prefix}/" DESTINATION "${moved}")
    set(ENV{PKG_CONFIG_PATH} "${moved}/${LIBDIR}/pkgconfig")
    execute_process(COMMAND "${PKG_CONFIG}" --cflags --libs net-asio-testing
        OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    separate_arguments(flags UNIX_COMMAND "${flags}")
    run("${CMAKE_CXX_COMPILER}" -std=c++20 -o "${scratch}/consumer" "${CMAKE_CURRENT_LIST_DIR}/main.cpp" ${flags})
    set(ENV{LD_LIBRARY_PATH} "${moved}/${LIBDIR}")
    run("${scratch}/consumer")

else()
    message(FATAL_ERROR "no such consumer: ${CONSUMER}")
endif()
