#include <libnet/core/error.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/runtime/task_failure.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>

namespace {

using libnet::error;
using libnet::error_code;
using libnet::fail;
using libnet::result;
using libnet::task;
using libnet::detail::task_failure;

TEST(TaskFailure, IsNothingAtFirst)
{
    const task_failure none;
    EXPECT_FALSE(none.is_error());
    EXPECT_FALSE(none.is_exception());
    EXPECT_FALSE(none.error());
    EXPECT_EQ(none.exception(), nullptr);
}

TEST(TaskFailure, KeepsAnError)
{
    task_failure failure;
    failure.set(libnet::make_error_code(error::idle_timeout));
    EXPECT_TRUE(failure.is_error());
    EXPECT_FALSE(failure.is_exception());
    EXPECT_EQ(failure.error(), error::idle_timeout);
    EXPECT_EQ(failure.error(), libnet::condition::timeout);
}

TEST(TaskFailure, AnErrorOfNoValueIsStillAnError)
{
    task_failure failure;
    failure.set(error_code());
    EXPECT_TRUE(failure.is_error());
    EXPECT_FALSE(failure.error());
}

TEST(TaskFailure, KeepsAnExceptionAndLetsItGo)
{
    std::exception_ptr kept;
    {
        task_failure failure;
        failure.set(std::make_exception_ptr(std::runtime_error("as it was thrown")));
        EXPECT_TRUE(failure.is_exception());
        EXPECT_FALSE(failure.is_error());
        EXPECT_FALSE(failure.error());
        kept = failure.exception();
    }
    EXPECT_THROW(std::rethrow_exception(kept), std::runtime_error);
}

TEST(TaskFailure, TheLastOneHolds)
{
    task_failure failure;
    failure.set(std::make_exception_ptr(std::runtime_error("first")));
    failure.set(libnet::make_error_code(error::closed));
    EXPECT_EQ(failure.error(), error::closed);
    EXPECT_EQ(failure.exception(), nullptr);
    failure.set(std::make_exception_ptr(std::logic_error("last")));
    EXPECT_FALSE(failure.error());
    EXPECT_THROW(std::rethrow_exception(failure.exception()), std::logic_error);
}

/// Somebody else's category, of the standard library's kind.
class weather final : public std::error_category {
public:
    const char* name() const noexcept override { return "weather"; }
    std::string message(int) const override { return "it rains"; }
};

TEST(TaskFailure, AStandardErrorComesBackAsItWas)
{
    static const weather category;
    libnet::testing::simulation sim;
    auto body = []() -> task<> {
        auto failing = []() -> task<> { co_await fail(std::error_code(7, category)); };
        const result<> failed = co_await failing();
        EXPECT_EQ(failed.error().message(), "it rains");
        const std::error_code standard = failed.error();
        EXPECT_EQ(standard, std::error_code(7, category));
    };
    EXPECT_TRUE(sim.run(body()));
}

}  // namespace
