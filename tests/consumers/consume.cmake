# cmake -DCONSUMER=<name> ... -P consume.cmake: installs libnet into a scratch prefix, or builds one consumer and runs it.

include("${SETTINGS}")
set(here "${CMAKE_CURRENT_LIST_DIR}")
set(prefix "${SCRATCH_DIR}/prefix")
set(scratch "${SCRATCH_DIR}/${CONSUMER}")
set(programs "${here}/main.cpp" "${here}/echo_test.cpp" "${here}/tls_test.cpp")

function(run)
    list(JOIN ARGN " " command)
    message(STATUS "${command}")
    execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# take_source(): the consumer's folder and the programs, copied so that nothing around them helps. Where the page says
# 127.0.0.1:9000, the copy takes the environment variable ADDRESS, because no test shall need a fixed port.
function(take_source)
    file(REMOVE_RECURSE "${scratch}")
    file(COPY "${here}/${CONSUMER}/" ${programs} DESTINATION "${scratch}/source")
    file(READ "${here}/main.cpp" code)
    string(REPLACE "\"127.0.0.1:9000\"" "std::getenv(\"ADDRESS\")" code "${code}")
    file(WRITE "${scratch}/source/main.cpp" "#include <cstdlib>\n${code}")
endfunction()

# configure_build(<build folder> <cmake argument>...)
function(configure_build build)
    run("${CMAKE_COMMAND}" -S "${scratch}/source" -B "${build}" -G "${GENERATOR}" -C "${SETTINGS}" ${ARGN})
    run("${CMAKE_COMMAND}" --build "${build}" --parallel 2)
endfunction()

# run_programs(<folder> <program>...): the server is one that is talked to, the others are tests.
function(run_programs folder)
    foreach(program IN LISTS ARGN)
        if(program STREQUAL "my_server")
            run("${PYTHON}" "${here}/../docs/run_program.py" "${folder}/my_server" echo_server)
        else()
            run("${folder}/${program}")
        endif()
    endforeach()
endfunction()

# expect_error(<header> <flag> <error>): a header that cannot be used under a flag of the compiler says so.
function(expect_error header flag error)
    file(WRITE "${scratch}/error.cpp" "#include <${header}>\n")
    execute_process(COMMAND "${CMAKE_CXX_COMPILER}" -std=c++20 -fsyntax-only ${flag} "-I${prefix}/include"
            "${scratch}/error.cpp" RESULT_VARIABLE result ERROR_VARIABLE errors)
    if(result EQUAL 0 OR NOT errors MATCHES "${error}")
        message(FATAL_ERROR "${header} with ${flag}: expected the error '${error}', found:\n${errors}")
    endif()
endfunction()

# The build tree of a consumer that compiles the library itself. It is as deep below the source tree as our own, so
# that its sources have the same relative paths, and the compiler cache knows them.
set(beside_our_build "${BUILD_DIR}-${CONSUMER}")

# A folder in which c++, as the pages say, is the compiler that made the library.
function(put_compiler_on_path)
    file(MAKE_DIRECTORY "${scratch}/bin")
    file(CREATE_LINK "${CMAKE_CXX_COMPILER}" "${scratch}/bin/c++" SYMBOLIC)
    set(ENV{PATH} "${scratch}/bin:$ENV{PATH}")
endfunction()

if(CONSUMER STREQUAL "install")
    file(REMOVE_RECURSE "${prefix}")
    foreach(component libnet_runtime libnet_development)
        run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${prefix}" --component ${component})
    endforeach()

elseif(CONSUMER STREQUAL "apps") # of a shared build only one program is built for this
    file(REMOVE_RECURSE "${scratch}")
    run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${scratch}" --component apps)
    if(BUILD_SHARED_LIBS)
        run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${scratch}" --component libnet_runtime)
    endif()
    run("${PYTHON}" "${here}/apps/check_apps.py" "${scratch}")

elseif(CONSUMER STREQUAL "find_package")
    take_source()
    configure_build("${scratch}/build" "-DCMAKE_PREFIX_PATH=${prefix}")
    run_programs("${scratch}/build" my_server my_tests my_tls_test my_tests_without_rtti my_tests_with_asan)
    expect_error(libnet/libnet.hpp -fno-exceptions "libnet needs exceptions")
    expect_error(libnet/asio.hpp -fno-rtti "needs RTTI, unless libnet is built without it")

elseif(CONSUMER STREQUAL "add_subdirectory")
    take_source()
    configure_build("${beside_our_build}" "-DLIBNET_SOURCE_DIR=${SOURCE_DIR}")
    run_programs("${beside_our_build}" my_server my_tests my_tls_test)

elseif(CONSUMER STREQUAL "fetch_content")
    take_source()
    # The sources are those here, instead of ones that come over the network; everything else is as it would be.
    configure_build("${beside_our_build}" "-DFETCHCONTENT_SOURCE_DIR_LIBNET=${SOURCE_DIR}")
    run_programs("${beside_our_build}" my_server my_tests)

elseif(CONSUMER STREQUAL "pkg_config") # no CMake here: what a Makefile would do
    find_program(PKG_CONFIG NAMES pkg-config pkgconf REQUIRED)
    take_source()
    # Moved, because the file must find its prefix by itself.
    set(moved "${scratch}/moved")
    file(COPY "${prefix}/" DESTINATION "${moved}")
    set(ENV{PKG_CONFIG_PATH} "${moved}/${LIBDIR}/pkgconfig")
    put_compiler_on_path()
    run("${CMAKE_COMMAND}" -E chdir "${scratch}/source" sh -ex build.sh)
    set(ENV{LD_LIBRARY_PATH} "${moved}/${LIBDIR}")
    run_programs("${scratch}/source" my_server my_tests my_tls_test)

elseif(CONSUMER STREQUAL "readme")
    # As deep as our own build, again. A toolchain file is how the commands, which are those of the page, get our flags.
    run(sh "${here}/readme/fresh_folder.sh" "${scratch}")
    put_compiler_on_path()
    file(READ "${SETTINGS}" flags)
    file(WRITE "${scratch}/toolchain.cmake" "${flags}set(CMAKE_CXX_FLAGS_RELEASE \"${CMAKE_CXX_FLAGS_DEBUG}\")\n")
    set(ENV{CMAKE_TOOLCHAIN_FILE} "${scratch}/toolchain.cmake")
    set(ENV{CMAKE_GENERATOR} "${GENERATOR}")
    foreach(block cmake pkg_config)
        run("${PYTHON}" "${here}/readme/follow.py" ${block} "${scratch}")
    endforeach()

elseif(CONSUMER STREQUAL "scores") # in a folder of its own, as the reader of the tutorial has it
    file(REMOVE_RECURSE "${scratch}")
    set(project "${here}/../docs/scores")
    file(COPY "${project}/" "${project}_test.cpp" DESTINATION "${scratch}/source")
    foreach(program server client)
        file(READ "${project}/${program}.cpp" code)
        string(REPLACE "\"127.0.0.1:9000\"" "std::getenv(\"ADDRESS\")" code "${code}")
        file(WRITE "${scratch}/source/${program}.cpp" "#include <cstdlib>\n${code}")
    endforeach()
    configure_build("${scratch}/build" "-DCMAKE_PREFIX_PATH=${prefix}")
    run("${CMAKE_CTEST_COMMAND}" --test-dir "${scratch}/build" --output-on-failure)
    run("${PYTHON}" "${here}/../docs/run_program.py" "${scratch}/build/scores_server" scores_server)

elseif(CONSUMER STREQUAL "beside_libnet1")
    take_source()
    configure_build("${scratch}/build" "-DCMAKE_PREFIX_PATH=${prefix}")
    run_programs("${scratch}/build" both)
    # No file of ours has the name of one of theirs, wherever each is installed.
    execute_process(COMMAND dpkg -L libnet1 libnet1-dev OUTPUT_VARIABLE theirs COMMAND_ERROR_IS_FATAL ANY)
    file(GLOB_RECURSE ours LIST_DIRECTORIES false RELATIVE "${prefix}" "${prefix}/*")
    foreach(file IN LISTS ours)
        get_filename_component(name "${file}" NAME)
        if(NOT file MATCHES "^share/doc/" AND theirs MATCHES "/${name}\n")
            message(FATAL_ERROR "${file} has the name of a file of libnet1-dev")
        endif()
    endforeach()

elseif(CONSUMER STREQUAL "vcpkg")
    run("${PYTHON}" "${here}/vcpkg/check_port.py" "${SOURCE_DIR}")
    include("${here}/vcpkg/stand_in.cmake")

elseif(CONSUMER STREQUAL "debian")
    include("${here}/debian/consume.cmake")

else()
    message(FATAL_ERROR "no such consumer: ${CONSUMER}")
endif()
