# cmake -DCONSUMER=<name> ... -P consume.cmake: installs libnet into a scratch prefix, or builds one consumer and runs it.

include("${SETTINGS}")
set(prefix "${SCRATCH_DIR}/prefix")
set(scratch "${SCRATCH_DIR}/${CONSUMER}")
set(programs "${CMAKE_CURRENT_LIST_DIR}/main.cpp" "${CMAKE_CURRENT_LIST_DIR}/echo_test.cpp"
    "${CMAKE_CURRENT_LIST_DIR}/tls_test.cpp")

function(run)
    list(JOIN ARGN " " command)
    message(STATUS "${command}")
    execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# configure_build_run(<cmake argument>...): a consumer with a CMakeLists.txt, copied so that nothing around it helps.
function(configure_build_run)
    file(REMOVE_RECURSE "${scratch}/source" "${scratch}/build")
    file(COPY "${CMAKE_CURRENT_LIST_DIR}/${CONSUMER}/CMakeLists.txt" ${programs} DESTINATION "${scratch}/source")
    run("${CMAKE_COMMAND}" -S "${scratch}/source" -B "${scratch}/build" -G "${GENERATOR}"
        -C "${SETTINGS}" ${ARGN})
    run("${CMAKE_COMMAND}" --build "${scratch}/build" --parallel 2)
    run("${scratch}/build/my_tests")
    run("${scratch}/build/my_tls_test")
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
    file(COPY "${CMAKE_CURRENT_LIST_DIR}/pkg_config/build.sh" ${programs} DESTINATION "${scratch}/source")
    # The page says c++; here that is the compiler which made the library.
    file(MAKE_DIRECTORY "${scratch}/bin")
    file(CREATE_LINK "${CMAKE_CXX_COMPILER}" "${scratch}/bin/c++" SYMBOLIC)
    set(ENV{PATH} "${scratch}/bin:$ENV{PATH}")
    run("${CMAKE_COMMAND}" -E chdir "${scratch}/source" sh build.sh)
    set(ENV{LD_LIBRARY_PATH} "${moved}/${LIBDIR}")
    run("${scratch}/source/my_tests")
    run("${scratch}/source/my_tls_test")

else()
    message(FATAL_ERROR "no such consumer: ${CONSUMER}")
endif()
