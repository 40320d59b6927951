#include "support/client_socket.hpp"
#include "support/echo_server.hpp"
#include "support/required_programs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

/// Programs that others wrote talk to the echo server.
namespace {

using namespace integration;
using testing::HasSubstr;
using testing::StartsWith;

std::string at(const echo_server& server, const std::string& separator)
{
    return "127.0.0.1" + separator + std::to_string(server.port());
}

// A stream of bytes that is no text, and larger than any buffer on the way.
std::string large_block()
{
    std::string block(3'000'000, '\0');
    std::uint32_t state = 1;
    for (char& c : block) {
        state = state * 1664525 + 1013904223;
        c = static_cast<char>(state >> 24);
    }
    return block;
}

TEST(Interop, NetcatHalfClosesAndGetsItsLines)
{
    REQUIRE_PROGRAM("nc")
    echo_server server({"--framing", "line"});
    const auto nc = shell("nc -N " + at(server, " "), "one\n\nthree\n");
    EXPECT_EQ(nc.code, 0) << nc.errors;
    EXPECT_EQ(nc.output, "one\n\nthree\n");
    EXPECT_THAT(server.line("closed"), HasSubstr("closed in order (3 messages, 11 bytes"));
}

// Without -N it sends no end of its own: it reads its lines and leaves when it is told to.
TEST(Interop, NetcatKeepsTheConnectionOpen)
{
    REQUIRE_PROGRAM("nc")
    echo_server server({"--framing", "line"});
    const auto nc = shell("nc -w 1 " + at(server, " "), "one\ntwo\n");
    EXPECT_EQ(nc.output, "one\ntwo\n");
}

TEST(Interop, NetcatSendsRawBytes)
{
    REQUIRE_PROGRAM("nc")
    echo_server server({"--framing", "raw"});
    const std::string block = large_block();
    child_process nc({"nc", "-N", "127.0.0.1", std::to_string(server.port())});
    nc.write(block);
    EXPECT_EQ(nc.finish().output, block);
}

TEST(Interop, SocatSendsLines)
{
    REQUIRE_PROGRAM("socat")
    echo_server server({"--framing", "line"});
    const auto socat = shell("socat -t 5 - TCP:" + at(server, ":"), "one\ntwo\r\n");
    EXPECT_EQ(socat.code, 0) << socat.errors;
    EXPECT_EQ(socat.output, "one\ntwo\r\n");
}

TEST(Interop, SocatSendsRawBytes)
{
    REQUIRE_PROGRAM("socat")
    echo_server server({"--framing", "raw"});
    const auto socat = shell("socat -t 5 - TCP:" + at(server, ":"), "no end of line");
    EXPECT_EQ(socat.code, 0) << socat.errors;
    EXPECT_EQ(socat.output, "no end of line");
}

constexpr const char* python_client = R"(
import socket, struct, sys, time
port, how = int(sys.argv[1]), sys.argv[2]
messages = [b'hello', b'', 'Grüße, 世界'.encode(), b'x' * 70000]
stream = b''.join(struct.pack('>I', len(m)) + m for m in messages)
s = socket.create_connection(('127.0.0.1', port), 10)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
if how == 'bytes':
    messages = messages[:3]
    stream = b''.join(struct.pack('>I', len(m)) + m for m in messages)
    for byte in stream:
        s.sendall(bytes([byte]))
        time.sleep(0.001)
elif how == 'pieces':
    for m in messages:
        s.sendall(struct.pack('>I', len(m)) + m)
else:
    s.sendall(stream)
f = s.makefile('rb')
for m in messages:
    n, = struct.unpack('>I', f.read(4))
    assert f.read(n) == m, m[:20]
s.shutdown(socket.SHUT_WR)
assert f.read() == b''
print('all', len(messages))
)";

class PythonInterop : public testing::TestWithParam<const char*> {};

TEST_P(PythonInterop, StructPackedMessagesComeBack)
{
    REQUIRE_PROGRAM("python3")
    echo_server server;
    const std::string port = std::to_string(server.port());
    child_process python({"python3", "-c", python_client, port, GetParam()});
    const auto ended = python.finish(2 * patience);
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(ended.output, StartsWith("all "));
    EXPECT_THAT(server.line("closed"), HasSubstr("closed in order"));
}

INSTANTIATE_TEST_SUITE_P(Writes, PythonInterop, testing::Values("pieces", "bytes", "one_write"),
                         [](const auto& i) { return std::string(i.param); });

TEST(Interop, ServesIpv6)
{
    echo_server server({"--listen", "[::1]:0", "--framing", "line"});
    if (server.where().empty()) {
        GTEST_SKIP() << "no IPv6 here: " << server.process().finish().errors;
    }
    EXPECT_THAT(server.where(), StartsWith("[::1]:"));
    child_process client(
        {TCP_ECHO_CLIENT, "--connect", server.where(), "--framing", "line", "hello"});
    EXPECT_EQ(client.finish().output, "echo: hello\n");
    EXPECT_THAT(server.line("opened"), StartsWith("opened [::1]:"));
}

TEST(Interop, PipelinedMessagesAreAnsweredAfterTheHalfClose)
{
    echo_server server;
    client_socket client(server.port());
    std::string stream;
    for (int i = 0; i < 5000; ++i) {
        stream += framed(std::to_string(i) + std::string(static_cast<std::size_t>(i % 50), '.'));
    }
    ASSERT_TRUE(client.send(stream));
    client.half_close();
    EXPECT_EQ(client.read_to_end(), stream);
    EXPECT_TRUE(client.ended());
    EXPECT_THAT(server.line("closed"), HasSubstr("closed in order (5000 messages"));
}

TEST(Interop, TwoByteLengths)
{
    echo_server server({"--framing", "length2"});
    client_socket client(server.port());
    const std::string stream = framed("hello", 2) + framed(std::string(65535, 'x'), 2);
    ASSERT_TRUE(client.send(stream));
    EXPECT_EQ(client.read(stream.size()), stream);
}

}  // namespace
