#pragma once

#include <libnet/policy/lending.hpp>

namespace libnet {

/// A place, and the connection that has it.
struct lending::member : detail::list_node {
    phase now_in = phase::free;
    bool proven = false;    // it has been lent and came back fit
    bool replaces = false;  // when it is open, one of the fullest endpoint goes
    std::size_t target = 0;
    std::size_t failures_before = 0;
    time_point began{};    // to connect
    time_point expires{};  // for its age
    time_point used{};     // last
    time_point seen{};     // last known to be good: used, or checked
    circuit_breaker::ticket ticket = 0;
};

/// An endpoint, and what is known of it.
struct lending::target {
    explicit target(const lending_options& o) : retry(o.retry), breaker(o.breaker) {}
    target(target&& other) noexcept : retry(other.retry), breaker(other.breaker) {}  // while empty

    detail::node_list<member> idle;  // the last used at the back
    std::size_t size = 0;
    std::size_t opening = 0;
    std::size_t lent = 0;
    backoff retry;
    circuit_breaker breaker;
    time_point retry_at = time_point::min();
    time_point last_failure = time_point::min();
    bool in_trouble = false;  // the last attempt to connect failed: one at a time
};

}  // namespace libnet
