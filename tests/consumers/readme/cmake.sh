cmake -S libnet -B libnet/build/install -DCMAKE_BUILD_TYPE=Release \
      -DLIBNET_ASIO_BUILD_TESTS=OFF -DLIBNET_ASIO_BUILD_APPS=OFF
cmake --build libnet/build/install --parallel "$(nproc)"
cmake --install libnet/build/install --prefix ~/libnet

cd my_server
cmake -B build -DCMAKE_PREFIX_PATH="$HOME/libnet"
cmake --build build
build/my_server
