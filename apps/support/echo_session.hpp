#pragma once

#include <libnet/libnet.hpp>

namespace sample {

/// One client, from accept to close, whatever carries its bytes. The server owns `peer`, closes it
/// afterwards and reports why it ended.
inline libnet::task<> echo(libnet::connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

}  // namespace sample
