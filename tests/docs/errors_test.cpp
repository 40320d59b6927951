#include <libnet/libnet.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace libnet;
using namespace libnet::literals;

// [three_ways]
// As a value: look at it.
task<std::string> with_a_branch(connection& peer)
{
    auto line = co_await peer.receive();
    if (!line) {
        co_return "no line: " + line.error().message();
    }
    co_return to_string(*line);
}

// Handed on: checked() ends this task with the error, its destructors run.
task<std::string> handed_on(connection& peer)
{
    const bytes line = co_await checked(peer.receive());
    co_return to_string(line);
}

// As an exception: value() throws boost::system::system_error.
task<std::string> as_an_exception(connection& peer)
{
    const auto line = co_await peer.receive();
    co_return to_string(line.value());
}
// [end]

// [conditions]
std::string advice(const error_code& why)
{
    if (why == error::closed || why == error::draining) {
        return "a good end";
    }
    if (why == condition::timeout) {
        return "try again later";  // all the timeouts; std::errc::timed_out equals them, too
    }
    if (why == condition::bad_input) {
        return "the peer speaks another protocol";
    }
    return why.message();  // what the operating system said
}
// [end]

class Errors : public ::testing::Test {
protected:
    libnet::testing::simulation sim;
    libnet::testing::connection_pair pair = sim.connect();
};

TEST_F(Errors, AreAValue)
{
    const auto close = [](connection& c) -> task<> { co_await checked(c.close()); };
    sim.start(close(pair.left));
    EXPECT_EQ(sim.run(with_a_branch(pair.right)).value(), "no line: closed in order");
}

TEST_F(Errors, AreHandedOn)
{
    pair.left.fail(error::frame_timeout);
    EXPECT_EQ(sim.run(handed_on(pair.left)).error(), error::frame_timeout);
}

TEST_F(Errors, AreThrown)
{
    pair.left.fail(error::frame_timeout);
    EXPECT_THROW(sim.run(as_an_exception(pair.left)), boost::system::system_error);
}

TEST_F(Errors, HaveConditionsInCommon)
{
    EXPECT_EQ(advice(error::draining), "a good end");
    EXPECT_EQ(advice(error::idle_timeout), "try again later");
    EXPECT_EQ(advice(error::truncated_frame), "the peer speaks another protocol");
    EXPECT_EQ(advice(make_error_code(boost::system::errc::connection_reset)),
              "Connection reset by peer");
}

}  // namespace
