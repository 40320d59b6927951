#pragma once

#include "results.hpp"

#include <string>

namespace netbench {

/// A page that needs no network and no script: the figures, throughput over time and latency by
/// percentile as pictures.
std::string report_html(const results& r);

}  // namespace netbench
