cd my_server
export PKG_CONFIG_PATH="$HOME/libnet/lib/pkgconfig"
c++ -std=c++20 main.cpp -o my_server $(pkg-config --cflags --libs net-asio)
./my_server
