#pragma once

#include "support/counting_stream.hpp"

#include <memory>
#include <utility>

namespace libnet::tests {

/// Any stream, as if it came from a machine with this address.
class addressed_stream final : public counting_stream {
public:
    addressed_stream(std::unique_ptr<stream> inner, std::shared_ptr<stream_calls> calls,
                     const ip_address& address)
        : counting_stream(std::move(inner), std::move(calls)), address_(address)
    {
    }

    ip_address peer_address() const noexcept override { return address_; }

private:
    ip_address address_;
};

}  // namespace libnet::tests
