#include "report_json.hpp"

#include <boost/json/src.hpp>

#include <stdexcept>
#include <string>

namespace netbench {
namespace {

namespace json = boost::json;

constexpr int format = 1;

json::object to_object(const setting& s)
{
    return {{"target", s.target},   {"transport", s.transport},
            {"framing", s.framing}, {"connections", s.connections},
            {"depth", s.depth},     {"size", s.size},
            {"rate", s.rate}};
}

setting setting_from(const json::object& from)
{
    return {.target = json::value_to<std::string>(from.at("target")),
            .transport = json::value_to<std::string>(from.at("transport")),
            .framing = json::value_to<std::string>(from.at("framing")),
            .connections = from.at("connections").to_number<std::uint64_t>(),
            .depth = from.at("depth").to_number<std::uint64_t>(),
            .size = from.at("size").to_number<std::uint64_t>(),
            .rate = from.at("rate").to_number<double>()};
}

double in_microseconds(std::chrono::nanoseconds t)
{
    return static_cast<double>(t.count()) / 1e3;
}

json::object to_object(const histogram& h)
{
    json::object made{{"min", in_microseconds(h.min())}, {"mean", in_microseconds(h.mean())}};
    for (const auto& [name, percent] : {std::pair{"p50", 50.0},
                                        {"p90", 90.0},
                                        {"p99", 99.0},
                                        {"p99.9", 99.9},
                                        {"p99.99", 99.99}}) {
        made[name] = in_microseconds(h.percentile(percent));
    }
    made["max"] = in_microseconds(h.max());
    json::array buckets;
    for (const histogram::bucket& b : h.used()) {
        buckets.push_back({b.lowest.count(), b.times});
    }
    made["histogram_ns"] = std::move(buckets);
    return made;
}

histogram histogram_from(const json::object& from)
{
    histogram made;
    for (const json::value& bucket : from.at("histogram_ns").as_array()) {
        made.record(std::chrono::nanoseconds(bucket.as_array().at(0).to_number<std::int64_t>()),
                    bucket.as_array().at(1).to_number<std::uint64_t>());
    }
    return made;
}

}  // namespace

std::string to_json(const results& r)
{
    const double messages = static_cast<double>(r.messages);
    const double a_second = r.seconds > 0 ? messages / r.seconds : 0;
    json::object made{{"netbench", format},
                      {"asked", to_object(r.asked)},
                      {"processes", r.processes},
                      {"seconds", r.seconds},
                      {"messages", r.messages},
                      {"messages_per_second", a_second},
                      {"bytes_per_second", a_second * static_cast<double>(r.asked.size)},
                      {"wrong", r.wrong},
                      {"lost", r.lost},
                      {"late", r.late},
                      {"connects", r.connects},
                      {"latency_us", to_object(r.latency)},
                      {"connect_us", to_object(r.connecting)}};
    json::object errors;
    for (const auto& [what, times] : r.errors) {
        errors[what] = times;
    }
    made["errors"] = std::move(errors);
    made["messages_in_each_second"] = json::value_from(r.timeline);
    made["own_cpu_seconds"] = r.own_cpu;
    if (r.server_cpu) {
        made["server_cpu_seconds"] = *r.server_cpu;
        if (r.messages != 0) {
            made["server_cpu_ns_per_message"] = *r.server_cpu * 1e9 / messages;
        }
    }
    return json::serialize(made);
}

results from_json(const std::string& text)
{
    try {
        const json::object from = json::parse(text).as_object();
        if (from.at("netbench").to_number<int>() != format) {
            throw std::runtime_error("written by another version of netbench");
        }
        results r;
        r.asked = setting_from(from.at("asked").as_object());
        r.processes = from.at("processes").to_number<std::uint64_t>();
        r.seconds = from.at("seconds").to_number<double>();
        r.messages = from.at("messages").to_number<std::uint64_t>();
        r.wrong = from.at("wrong").to_number<std::uint64_t>();
        r.lost = from.at("lost").to_number<std::uint64_t>();
        r.late = from.at("late").to_number<std::uint64_t>();
        r.connects = from.at("connects").to_number<std::uint64_t>();
        r.latency = histogram_from(from.at("latency_us").as_object());
        r.connecting = histogram_from(from.at("connect_us").as_object());
        for (const auto& error : from.at("errors").as_object()) {
            r.errors[error.key()] = error.value().to_number<std::uint64_t>();
        }
        r.timeline = json::value_to<std::vector<std::uint64_t>>(from.at("messages_in_each_second"));
        r.own_cpu = from.at("own_cpu_seconds").to_number<double>();
        if (const json::value* cpu = from.if_contains("server_cpu_seconds")) {
            r.server_cpu = cpu->to_number<double>();
        }
        return r;
    } catch (const std::exception& wrong) {
        throw std::runtime_error(std::string("no results of netbench --json: ") + wrong.what());
    }
}

}  // namespace netbench
