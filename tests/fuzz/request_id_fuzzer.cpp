// Input: width and placement, number, datagram.

#include "fuzzing.hpp"

#include <libnet/policy/request_id.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace {

using namespace libnet::tests;
using libnet::as_bytes;
using libnet::bytes;
using libnet::request_id;

/// What came is a number and a message, or it is too short; put together again it is what came.
void check_answer(const request_id& id, bytes datagram)
{
    const auto came = exact_copy(datagram);
    const auto number = id.read(came);
    CHECK(number.has_value() == (came.size() >= id.width));
    if (number) {
        CHECK((*number & ~id.mask()) == 0);
        CHECK(id.stamp(*number, id.message(came)) == libnet::to_string(came));
    }
}

/// What is asked with a number carries that number and the message.
void check_request(const request_id& id, std::uint64_t number, bytes message)
{
    if (id.where == request_id::placement::inside && message.size() < id.width) {
        return;  // there is no room for it
    }
    const std::string datagram = id.stamp(number, message);
    const auto sent = exact_copy(as_bytes(datagram));
    CHECK(id.read(sent) == (number & id.mask()));
    const std::string carried = libnet::to_string(id.message(sent));
    if (id.where == request_id::placement::before) {
        CHECK(carried == libnet::to_string(message));
    } else {
        CHECK(carried.substr(id.width) == libnet::to_string(message.subspan(id.width)));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz_input input(data, size);
    const std::size_t kind = input.byte();
    request_id id{.width = 1 + kind % 8};
    id.where = kind < 128 ? request_id::placement::before : request_id::placement::inside;
    std::uint64_t number = 0;
    for (int i = 0; i < 8; ++i) {
        number = number << 8 | input.byte();
    }
    const auto message = exact_copy(input.rest());
    check_answer(id, message);
    check_request(id, number, message);
    return 0;
}
