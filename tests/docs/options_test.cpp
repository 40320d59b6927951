// Options are filled by designated initialisers, any field without the others. With the warnings that
// many projects build with, this file compiles only if every field has an initialiser of its own.

#include <libnet/libnet.hpp>
#include <libnet/testing/for_each_fault.hpp>
#include <libnet/testing/for_each_split.hpp>

#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::literals;

TEST(Options, AreNamedOneByOneAndKeepTheOthers)
{
    EXPECT_EQ((connection_options{.close_timeout = 1s}).send_timeout, 10s);
    EXPECT_EQ((server_options{.drain_timeout = 1s}).connection.close_timeout, 3s);
    EXPECT_EQ((connect_options{.connect_timeout = 1s}).connection.frame_timeout, 30s);
    EXPECT_EQ((socket_options{.backlog = 5}).user_timeout, 90s);
    EXPECT_EQ((tcp_keep_alive{.probes = 1}).interval, 10s);
    EXPECT_EQ((run_options{.spin = 1us}).on_signal, run_options::signals::cancel_main);
    EXPECT_EQ((length_prefix_options{.width = 2}).max_frame, 1_MiB);
    EXPECT_EQ((delimited_options{.delimiter = delimited_options::delivery::keep}).max_frame, 1_MiB);
    EXPECT_TRUE((libnet::testing::pipe_options{.capacity = 5}).immediate_writes);
    EXPECT_EQ((libnet::testing::split_options{.seed = 2}).random_splits, 32U);
    EXPECT_EQ((libnet::testing::fault_options{.forward = {.capacity = 5}}).every_byte_up_to, 4_KiB);
}

}  // namespace
