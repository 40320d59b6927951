#include <libnet/libnet.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::literals;

// [owner]
// Words, each of them on one shard, which alone touches it: no lock.
class shared_words {
public:
    explicit shared_words(std::size_t shards) : tables_(shards) {}

    task<> put(shards& all, std::string key, std::string value)
    {
        const auto put_there = [](table& own, std::string k, std::string v) {
            own.insert_or_assign(std::move(k), std::move(v));
        };
        const std::size_t owner = owner_of(key);
        co_await checked(all.on(owner, put_there, std::ref(tables_[owner]), key, value));
    }

    task<std::string> get(shards& all, std::string key)
    {
        const auto find_there = [](table& own, std::string k) -> result<std::string> {
            const auto found = own.find(k);
            return found != own.end() ? result<std::string>(found->second) : error::no_value;
        };
        const std::size_t owner = owner_of(key);
        co_return co_await checked(all.on(owner, find_there, std::ref(tables_[owner]), key));
    }

private:
    using table = std::map<std::string, std::string>;

    std::size_t owner_of(const std::string& key) const
    {
        return std::hash<std::string>()(key) % tables_.size();
    }

    std::vector<table> tables_;
};
// [end]

// [cache]
// One for each shard. A session uses that of its own: all.here() says which.
struct word_counters {
    explicit word_counters(std::size_t shards) : of_shard(shards) {}

    struct alignas(64) counter {  // a cache line each, or cores would take it from each other
        std::uint64_t words = 0;
    };
    std::vector<counter> of_shard;
};

task<> count_words(shards& all, word_counters& counters, connection& peer)
{
    word_counters::counter& own = counters.of_shard[all.here().value()];
    while (auto word = co_await peer.receive()) {
        ++own.words;
        co_await peer.send(std::to_string(own.words));
    }
}

task<std::uint64_t> all_words(shards& all, word_counters& counters)
{
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto read = [](const word_counters::counter& c) { return c.words; };
        sum += co_await checked(all.on(i, read, std::cref(counters.of_shard[i])));
    }
    co_return sum;
}
// [end]

// [each]
// A server and a pool of its own on each shard: nothing here knows that there are others.
task<> serve_a_part(std::string where, std::string backend)
{
    pool backends(backend, {});
    const auto forward = [&backends](connection& client) -> task<> {
        while (auto asked = co_await client.receive()) {
            lease line = co_await checked(backends.borrow());
            co_await checked(line->send(*asked));
            const bytes answer = co_await checked(line->receive());
            co_await client.send(answer);
        }
    };
    server_options options;
    options.socket.reuse_port = true;
    server front(where, forward, options);
    auto side_by_side = [&](group& tasks) -> task<> {
        tasks.start(backends.run());
        co_await checked(front.run());
    };
    co_await checked(with_group(side_by_side));
}

task<> serve_everywhere(shards& all, std::string where, std::string backend)
{
    const auto part = [&](std::size_t) { return serve_a_part(where, backend); };
    co_await checked(all.on_each(part));
}
// [end]

constexpr run_options signals_alone{.on_signal = run_options::signals::ignore};

TEST(ManyCores, EveryWordHasAnOwner)
{
    shared_words words(3);
    shards all({.threads = 3});
    const auto use = [&](std::size_t i) -> task<> {
        const std::string own = std::to_string(i);
        for (int n = 0; n < 20; ++n) {
            co_await checked(words.put(all, own + "/" + std::to_string(n), own));
        }
        const std::string found = co_await checked(words.get(all, own + "/7"));
        EXPECT_EQ(found, own);
        const auto missing = co_await words.get(all, "nothing");
        EXPECT_EQ(missing.error(), error::no_value);
    };
    run(all.on_each(use), signals_alone);
}

task<> say_words(std::string where, int count)
{
    connection peer = co_await checked(connect(where));
    for (int i = 0; i < count; ++i) {
        co_await checked(peer.send("word"));
        co_await checked(peer.receive());
    }
}

TEST(ManyCores, EveryShardCountsForItself)
{
    word_counters counters(2);
    shards all({.threads = 2});
    server_options options;
    std::string where;
    options.on_listening = [&](const std::string& local) { where = local; };
    server words(
        "127.0.0.1:0", [&](connection& peer) { return count_words(all, counters, peer); }, options);
    auto talk = [&]() -> task<> {
        auto side_by_side = [&](group& tasks) -> task<> {
            tasks.start(words.run(all));
            while (where.empty()) {
                co_await checked(yield());
            }
            for (int i = 0; i < 4; ++i) {
                co_await checked(say_words(where, 5));
            }
            const std::uint64_t sum = co_await checked(all_words(all, counters));
            EXPECT_EQ(sum, 20u);
            words.stop();
            co_await checked(tasks.join());
        };
        co_await checked(with_group(side_by_side));
    };
    run(talk(), signals_alone);
}

// The front's port is found, and free again: all of its shards have to listen on the same.
std::string free_port(loop& here)
{
    const auto held = network_of(here).listen(*endpoint::parse("127.0.0.1:0"), {});
    return held->local();
}

TEST(ManyCores, EveryShardHasAPoolOfItsOwn)
{
    shards all({.threads = 2});
    std::string backend;
    server_options options;
    options.on_listening = [&](const std::string& local) { backend = local; };
    const auto echo = [](connection& peer) -> task<> {
        while (auto frame = co_await peer.receive()) {
            co_await peer.send(*frame);
        }
    };
    server behind("127.0.0.1:0", echo, options);
    auto talk = [&]() -> task<> {
        auto side_by_side = [&](group& tasks) -> task<> {
            tasks.start(behind.run());
            while (backend.empty()) {
                co_await checked(yield());
            }
            const std::string front = free_port(co_await this_loop());
            tasks.start(serve_everywhere(all, front, backend));
            for (int tries = 0; tries < 500; ++tries) {
                const auto said = co_await say_words(front, 3);
                if (said) {
                    break;
                }
                EXPECT_LT(tries, 499) << said.error().message();
                co_await checked(sleep_for(2ms));
            }
            tasks.cancel();
        };
        co_await checked(with_group(side_by_side));
    };
    run(talk(), signals_alone);
    EXPECT_GE(behind.stats().messages_received, 3u);
}

}  // namespace
