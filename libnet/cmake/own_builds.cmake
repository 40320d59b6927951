# How we build ourselves: compiler cache, instrumentation, warnings.

if(PROJECT_IS_TOP_LEVEL AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(LIBNET_ASIO_CCACHE ccache)
    mark_as_advanced(LIBNET_ASIO_CCACHE)
    if(LIBNET_ASIO_CCACHE)
        # Without the sloppiness ccache refuses every file that uses a precompiled header; without NOHASHDIR a file
        # compiled in one build tree (the consumers' tests have their own) is no hit in another, and without BASEDIR
        # one compiled in one clone is no hit in the next.
        set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
            CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_NOHASHDIR=1 "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}"
            "${LIBNET_ASIO_CCACHE}")
    endif()
endif()

set(CMAKE_CXX_EXTENSIONS OFF) # -std=c++20, not gnu++20

# Instrumentation holds for the whole build tree, tests and applications included: a sanitizer that sees
# only half of a program reports things that are not there.
if(LIBNET_ASIO_SANITIZE)
    add_compile_options(-fsanitize=${LIBNET_ASIO_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${LIBNET_ASIO_SANITIZE})
    if(LIBNET_ASIO_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        add_compile_options(-Wno-tsan) # Asio uses std::atomic_thread_fence; GCC warns that TSan cannot model it
    endif()
endif()
if(LIBNET_ASIO_FUZZ)
    if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "LIBNET_ASIO_FUZZ needs clang: only it has libFuzzer")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(LIBNET_ASIO_COVERAGE)
    add_compile_options(--coverage -fprofile-update=atomic)
    add_link_options(--coverage)
endif()

# Warnings for a target of ours. -Wsign-conversion is left out: with Asio's and the standard library's mix of
# signed and unsigned counts it asks for casts that hide more than they show.
function(libnet_asio_warnings target)
    target_compile_options(${target} PRIVATE
        -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
        -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast -Wcast-align -Wcast-qual
        -Wimplicit-fallthrough -Wextra-semi -Wundef
        "$<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond;-Wlogical-op>"
        "$<$<BOOL:${LIBNET_ASIO_WARNINGS_AS_ERRORS}>:-Werror>")
endfunction()
