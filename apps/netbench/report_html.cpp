#include "report_html.hpp"

#include "report_text.hpp"
#include "units.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace netbench {
namespace {

constexpr double width = 720;
constexpr double height = 300;
constexpr double left = 80;  // of the drawing itself
constexpr double right = 20;
constexpr double top = 16;
constexpr double bottom = 44;

constexpr const char* style = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --faint: #d0d7de; --line: #0969da; --paper: #ffffff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --faint: #30363d; --line: #58a6ff; --paper: #0d1117; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 760px; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .2rem 1rem .2rem 0; text-align: right; border-bottom: 1px solid var(--faint); }
td:first-child, th:first-child { text-align: left; }
pre { white-space: pre-wrap; }
svg { width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.grid { stroke: var(--faint); }
.curve { fill: none; stroke: var(--line); stroke-width: 2; stroke-linejoin: round; }
)";

std::string escaped(const std::string& text)
{
    std::string made;
    for (const char c : text) {
        switch (c) {
        case '&': made += "&amp;"; break;
        case '<': made += "&lt;"; break;
        case '>': made += "&gt;"; break;
        case '"': made += "&quot;"; break;
        default: made += c;
        }
    }
    return made;
}

struct point {
    double x;  // both from 0 to 1
    double y;
};

double on_page_x(double x)
{
    return left + x * (width - left - right);
}

double on_page_y(double y)
{
    return height - bottom - y * (height - top - bottom);
}

/// Where a line of the grid stands, and what it says.
struct mark {
    double at;
    std::string text;
};

std::string number(double value)
{
    return with_digits(value, 1);
}

std::string picture(const std::string& title, const std::string& below,
                    const std::vector<mark>& across, const std::vector<mark>& up,
                    const std::vector<point>& curve)
{
    std::string svg = "<svg viewBox=\"0 0 720 300\" role=\"img\" aria-label=\"" + escaped(title) +
                      "\">\n<title>" + escaped(title) + "</title>\n";
    for (const mark& m : up) {
        const std::string y = number(on_page_y(m.at));
        svg += "<line class=\"grid\" x1=\"" + number(left) + "\" x2=\"" + number(width - right) +
               "\" y1=\"" + y + "\" y2=\"" + y + "\"/>\n<text text-anchor=\"end\" x=\"" +
               number(left - 8) + "\" y=\"" + number(on_page_y(m.at) + 4) + "\">" +
               escaped(m.text) + "</text>\n";
    }
    for (const mark& m : across) {
        const std::string x = number(on_page_x(m.at));
        svg += "<line class=\"grid\" x1=\"" + x + "\" x2=\"" + x + "\" y1=\"" + number(top) +
               "\" y2=\"" + number(height - bottom) + "\"/>\n<text text-anchor=\"middle\" x=\"" +
               x + "\" y=\"" + number(height - bottom + 16) + "\">" + escaped(m.text) + "</text>\n";
    }
    svg += "<text text-anchor=\"middle\" x=\"" + number((left + width - right) / 2) + "\" y=\"" +
           number(height - 8) + "\">" + escaped(below) +
           "</text>\n<polyline class=\"curve\" points=\"";
    for (const point& p : curve) {
        svg += number(on_page_x(p.x)) + ',' + number(on_page_y(p.y)) + ' ';
    }
    return svg + "\"/>\n</svg>\n";
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below `value`.
double round_up(double value)
{
    const double power = std::pow(10, std::floor(std::log10(value)));
    for (const double step : {1.0, 2.0, 5.0}) {
        if (step * power >= value) {
            return step * power;
        }
    }
    return 10 * power;
}

std::string throughput(const results& r)
{
    const auto& seconds = r.timeline;
    const double most = static_cast<double>(*std::max_element(seconds.begin(), seconds.end()));
    const double step = round_up(std::max(most, 1.0) / 5);
    const double highest = step * std::ceil(std::max(most, 1.0) / step);
    std::vector<mark> up;
    for (double at = 0; at <= highest; at += step) {
        up.push_back({at / highest, grouped(static_cast<std::uint64_t>(at))});
    }
    std::vector<mark> across;
    const auto count = static_cast<double>(seconds.size());
    const double stride = std::max(1.0, round_up(count / 10));
    for (double at = 0; at <= count; at += stride) {
        across.push_back({at / count, with_digits(at, 0)});
    }
    std::vector<point> curve;
    for (std::size_t i = 0; i < seconds.size(); ++i) {
        const double y = static_cast<double>(seconds[i]) / highest;
        curve.push_back({static_cast<double>(i) / count, y});
        curve.push_back({static_cast<double>(i + 1) / count, y});
    }
    return picture("Messages in each second", "seconds", across, up, curve);
}

/// Percentiles spread by the number of nines, as HdrHistogram draws them; latency on a logarithmic
/// scale.
std::string latencies(const results& r)
{
    const histogram& h = r.latency;
    const double nines =
        std::max(2.0, std::ceil(std::log10(std::max(10.0, static_cast<double>(h.count())))));
    const auto exponent = [](std::chrono::nanoseconds t) {
        return std::log10(std::max(1.0, static_cast<double>(t.count())));
    };
    const double lowest = std::floor(exponent(h.min()));
    const double highest = std::max(lowest + 1, std::ceil(exponent(h.max())));
    std::vector<mark> up;
    for (double at = lowest; at <= highest; ++at) {
        const auto time = std::chrono::nanoseconds(std::llround(std::pow(10, at)));
        up.push_back({(at - lowest) / (highest - lowest), short_time(time)});
    }
    std::vector<mark> across;
    for (double at = 0; at <= nines; ++at) {
        const double percent = 100 * (1 - std::pow(10, -at));
        across.push_back(
            {at / nines, with_digits(percent, std::max(0, static_cast<int>(at) - 2)) + " %"});
    }
    std::vector<point> curve;
    for (int i = 0; i <= 200; ++i) {
        const double x = i / 200.0;
        const double percent = 100 * (1 - std::pow(10, -x * nines));
        const double y = (exponent(h.percentile(percent)) - lowest) / (highest - lowest);
        curve.push_back({x, std::clamp(y, 0.0, 1.0)});
    }
    return picture("Latency by percentile", "so many of all messages took no longer", across, up,
                   curve);
}

std::string row(const std::string& name, const std::string& value)
{
    return "<tr><td>" + escaped(name) + "</td><td>" + escaped(value) + "</td></tr>\n";
}

}  // namespace

std::string report_html(const results& r)
{
    std::string page =
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n<title>netbench: " +
        escaped(r.asked.target) + "</title>\n<style>" + style +
        "</style>\n</head>\n<body>\n<h1>netbench</h1>\n<pre>" + escaped(report_text(r)) +
        "</pre>\n";
    if (!r.timeline.empty()) {
        page += "<h2>Throughput</h2>\n" + throughput(r);
    }
    if (r.latency.count() != 0) {
        page += "<h2>Latency</h2>\n" + latencies(r) + "<table>\n";
        page += "<tr><th>of all messages</th><th>took no longer than</th></tr>\n";
        for (const double percent : {50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 99.999}) {
            const int digits = percent > 99.99 ? 3 : percent > 99.9 ? 2 : percent > 99 ? 1 : 0;
            page +=
                row(with_digits(percent, digits) + " %", short_time(r.latency.percentile(percent)));
        }
        page += row("all", short_time(r.latency.max())) + "</table>\n";
    }
    return page + "</body>\n</html>\n";
}

}  // namespace netbench
