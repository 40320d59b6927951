#pragma once

// What every program here includes: more than half of the time that one takes to compile.

#include <libnet/asio.hpp>
#include <libnet/libnet.hpp>

#include <CLI/CLI.hpp>

#include <boost/asio/signal_set.hpp>

#include <iostream>
#include <optional>
#include <string>
