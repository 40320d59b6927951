c++ -std=c++20 main.cpp -o my_server $(pkg-config --cflags --libs net-asio)
c++ -std=c++20 echo_test.cpp -o my_tests $(pkg-config --cflags --libs net-asio-testing)
c++ -std=c++20 tls_test.cpp -o my_tls_test $(pkg-config --cflags --libs net-asio-tls)
