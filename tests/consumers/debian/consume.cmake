# The Debian packages: made, looked at, unpacked into a scratch root, and consumed from there.

set(archives "${scratch}/packages")
set(root "${scratch}/root")
file(REMOVE_RECURSE "${scratch}")
get_filename_component(programs_of_cmake "${CMAKE_COMMAND}" DIRECTORY)
run("${programs_of_cmake}/cpack" -G DEB --config "${BUILD_DIR}/CPackConfig.cmake" -B "${archives}")
run("${PYTHON}" "${here}/debian/check_packages.py" "${archives}" "${SOURCE_DIR}")
file(GLOB packages "${archives}/*.deb")
foreach(package IN LISTS packages)
    run(dpkg-deb --extract "${package}" "${root}")
endforeach()

run("${PYTHON}" "${here}/apps/check_apps.py" "${root}/usr")

file(COPY "${here}/find_package/" ${programs} DESTINATION "${scratch}/source")
configure_build("${scratch}/build" "-DCMAKE_PREFIX_PATH=${root}/usr" --fresh)
run_programs("${scratch}/build" my_tests my_tls_test)
