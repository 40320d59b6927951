conan profile detect --exist-ok
conan create libnet --build=missing -s compiler.cppstd=20

cd my_server
conan install . --build=missing -s compiler.cppstd=20
cmake --preset conan-release
cmake --build --preset conan-release
build/Release/my_server
