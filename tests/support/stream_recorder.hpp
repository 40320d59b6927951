#pragma once

#include <libnet/testing/simulation.hpp>
#include <libnet/transport/stream.hpp>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace libnet::tests {

/// One end of a stream in the hands of a test: starts operations, remembers how they ended.
class stream_recorder {
public:
    explicit stream_recorder(std::unique_ptr<stream> s) : events_(new sink)
    {
        events_->transport = std::move(s);
        events_->retain();
    }
    stream_recorder(const stream_recorder&) = delete;
    stream_recorder& operator=(const stream_recorder&) = delete;
    ~stream_recorder() { events_->release(); }

    stream& end() { return *events_->transport; }

    void read(std::size_t most = 64 * 1024)
    {
        events_->room.resize(most);
        events_->reading = true;
        events_->inside_call = true;
        events_->transport->read_some(std::as_writable_bytes(std::span(events_->room)), *events_);
        events_->inside_call = false;
    }

    void wait_readable()
    {
        events_->reading = true;
        events_->inside_call = true;
        events_->transport->wait_readable(*events_);
        events_->inside_call = false;
    }

    void write(std::string_view text)
    {
        events_->offered = text;
        const std::array<bytes, 1> pieces{as_bytes(events_->offered)};
        events_->writing = true;
        events_->inside_call = true;
        events_->transport->write_some(pieces, *events_);
        events_->inside_call = false;
    }

    result<std::size_t> try_write(std::string_view text)
    {
        const std::array<bytes, 1> pieces{as_bytes(text)};
        return events_->transport->try_write(pieces);
    }

    /// As far as it goes without waiting for anybody else.
    void read_to_the_end(testing::simulation& sim)
    {
        do {
            read();
            sim.settle();
        } while (!reading() && !read_error());
    }

    const std::string& got() const { return events_->got; }
    const error_code& read_error() const { return events_->read_error; }
    const error_code& write_error() const { return events_->write_error; }
    std::size_t written() const { return events_->written; }
    std::size_t ended_reads() const { return events_->ended_reads; }
    std::size_t ended_writes() const { return events_->ended_writes; }
    bool reading() const { return events_->reading; }
    bool writing() const { return events_->writing; }

    /// Whether an operation ended inside the call that began it, or twice.
    bool broke_a_rule() const { return events_->broke_a_rule; }

private:
    struct sink final : stream_events {
        std::unique_ptr<stream> transport;  // it outlives its operations, as streams must

        void on_read(const error_code& failed, std::size_t count) override
        {
            broke_a_rule = broke_a_rule || inside_call || !reading;
            reading = false;
            ++ended_reads;
            read_error = failed;
            got.append(room, 0, count);
        }
        void on_write(const error_code& failed, std::size_t count) override
        {
            broke_a_rule = broke_a_rule || inside_call || !writing;
            writing = false;
            ++ended_writes;
            write_error = failed;
            written += count;
        }

        std::string room;
        std::string offered;
        std::string got;
        error_code read_error;
        error_code write_error;
        std::size_t written = 0;
        std::size_t ended_reads = 0;
        std::size_t ended_writes = 0;
        bool reading = false;
        bool writing = false;
        bool inside_call = false;
        bool broke_a_rule = false;
    };

    sink* events_;
};

}  // namespace libnet::tests
