// A main() for fuzzers where there is no libFuzzer. It takes its arguments, where they make sense:
//
//     name_fuzzer [-max_total_time=SECONDS] [-runs=N] [-seed=N] [-max_len=BYTES]
//                 [-artifact_prefix=PATH] [PATH]...
//
// Every PATH is an input or a folder of inputs. Each input runs once as it is, then mutations of
// them run until the time or the number of runs is over. The same seed and inputs give the same
// sequence of mutations. Without a limit only the inputs run, which is how one repeats a crash.

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

namespace {

using input = std::vector<std::uint8_t>;
using steady = std::chrono::steady_clock;

struct options {
    std::optional<std::chrono::seconds> max_total_time;
    std::optional<std::uint64_t> runs;
    std::uint64_t seed = 1;
    std::size_t max_len = 4096;
    std::string artifact_prefix = "./";
    std::vector<std::filesystem::path> paths;
};

// What is running now, for the handler that speaks in a crash. It may neither allocate nor lock.
struct {
    const input* data = nullptr;
    std::uint64_t number = 0;
    std::string crash_file;
} current;

void print(std::string_view text)
{
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

void print(std::uint64_t number)
{
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    print(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

void report_crash()
{
    if (current.data == nullptr)
        return;
    const input& data = *current.data;
    current.data = nullptr;  // the sanitizer's callback and the signal may both come
    print("\ncrashed in execution ");
    print(current.number);
    print(", input of ");
    print(data.size());
    print(" bytes: ");
    for (std::size_t i = 0; i < std::min<std::size_t>(data.size(), 256); ++i) {
        static constexpr std::string_view hex = "0123456789abcdef";
        const std::array<char, 3> text{hex[data[i] >> 4U], hex[data[i] & 15U], ' '};
        print(std::string_view(text.data(), text.size()));
    }
    const int file =
        ::open(current.crash_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file >= 0 && ::write(file, data.data(), data.size()) == static_cast<ssize_t>(data.size())) {
        print("\nwritten to ");
        print(current.crash_file);
    }
    print("\n");
}

void on_signal(int signal)
{
    report_crash();
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

// noexcept: an exception that leaves the fuzzer is a finding and ends in std::terminate.
void run(const input& data) noexcept
{
    ++current.number;
    current.data = &data;
    LLVMFuzzerTestOneInput(data.data(), data.size());
    current.data = nullptr;
}

// Changes inputs without knowing what they mean, with a taste for what breaks parsers: edges,
// lengths, repetition.
class mutator {
public:
    mutator(const std::vector<input>& corpus, std::uint64_t seed, std::size_t max_len)
        : corpus_(corpus), random_(seed), max_len_(max_len)
    {
    }

    input next()
    {
        input data = any_input();
        for (std::size_t steps = 1 + below(4); steps > 0; --steps)
            mutate(data);
        if (data.size() > max_len_)
            data.resize(max_len_);
        return data;
    }

private:
    // Plain arithmetic and not a std::distribution, whose sequence depends on the standard library.
    std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
    std::uint8_t any_byte() { return static_cast<std::uint8_t>(random_() & 0xffU); }
    const input& any_input() { return corpus_[below(corpus_.size())]; }
    input::iterator any_place(input& data)
    {
        return data.begin() + static_cast<std::ptrdiff_t>(below(data.size() + 1));
    }

    void mutate(input& data)
    {
        switch (below(8)) {
        case 0: flip_bit(data); break;
        case 1: set_byte(data); break;
        case 2: insert_random(data); break;
        case 3: erase_range(data); break;
        case 4: repeat_range(data); break;
        case 5: overwrite_number(data); break;
        case 6: splice(data); break;
        default: data.resize(below(data.size() + 1)); break;
        }
    }

    void flip_bit(input& data)
    {
        if (!data.empty())
            data[below(data.size())] ^= static_cast<std::uint8_t>(1U << below(8));
    }

    void set_byte(input& data)
    {
        static constexpr std::array<std::uint8_t, 8> edges{0, 1, 0x7f, 0x80, 0xff, '\n', '\r', ' '};
        if (!data.empty())
            data[below(data.size())] = below(2) == 0 ? edges[below(edges.size())] : any_byte();
    }

    void insert_random(input& data)
    {
        input bytes(1 + below(16));
        std::generate(bytes.begin(), bytes.end(), [this] { return any_byte(); });
        data.insert(any_place(data), bytes.begin(), bytes.end());
    }

    void erase_range(input& data)
    {
        const auto from = any_place(data);
        data.erase(from, from + static_cast<std::ptrdiff_t>(
                                    below(static_cast<std::size_t>(data.end() - from) + 1)));
    }

    void repeat_range(input& data)
    {
        const auto from = any_place(data);
        const input range(from, from + static_cast<std::ptrdiff_t>(
                                           below(static_cast<std::size_t>(data.end() - from) + 1)));
        data.insert(any_place(data), range.begin(), range.end());
    }

    // An interesting number of 1, 2, 4 or 8 bytes in either byte order: what lengths are made of.
    void overwrite_number(input& data)
    {
        const std::size_t width = std::size_t{1} << below(4);
        if (data.size() < width)
            return;
        const std::array<std::uint64_t, 7> numbers{0,
                                                   1,
                                                   below(64),
                                                   data.size(),
                                                   std::uint64_t{1} << below(64),
                                                   (std::uint64_t{1} << below(64)) - 1,
                                                   ~std::uint64_t{0} - below(16)};
        const std::uint64_t number = numbers[below(numbers.size())];
        const bool big_endian = below(2) == 0;
        const std::size_t place = below(data.size() - width + 1);
        for (std::size_t i = 0; i < width; ++i)
            data[place + (big_endian ? width - 1 - i : i)] =
                static_cast<std::uint8_t>((number >> (8 * i)) & 0xffU);
    }

    void splice(input& data)
    {
        const input& other = any_input();
        data.erase(any_place(data), data.end());
        data.insert(data.end(),
                    other.begin() + static_cast<std::ptrdiff_t>(below(other.size() + 1)),
                    other.end());
    }

    const std::vector<input>& corpus_;
    std::mt19937_64 random_;
    std::size_t max_len_;
};

std::uint64_t number(std::string_view argument, std::string_view text)
{
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw std::invalid_argument("not a number: " + std::string(argument));
    return value;
}

options parse(int count, char** arguments)
{
    options result;
    for (int i = 1; i < count; ++i) {
        const std::string_view argument = arguments[i];
        const std::size_t equals = std::min(argument.find('='), argument.size());
        const std::string_view name = argument.substr(0, equals);
        const std::string_view value = argument.substr(std::min(equals + 1, argument.size()));
        if (name == "-max_total_time")
            result.max_total_time = std::chrono::seconds(number(argument, value));
        else if (name == "-runs")
            result.runs = number(argument, value);
        else if (name == "-seed")
            result.seed = number(argument, value);
        else if (name == "-max_len")
            result.max_len = number(argument, value);
        else if (name == "-artifact_prefix")
            result.artifact_prefix = value;
        else if (!argument.starts_with('-'))
            result.paths.emplace_back(argument);
        else
            throw std::invalid_argument("unknown argument: " + std::string(argument));
    }
    return result;
}

std::vector<input> load(const std::vector<std::filesystem::path>& paths)
{
    std::vector<std::filesystem::path> files;
    for (const auto& path : paths) {
        if (!std::filesystem::exists(path))
            throw std::invalid_argument("no such file or folder: " + path.string());
        if (!std::filesystem::is_directory(path))
            files.push_back(path);
        else
            for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
                if (entry.is_regular_file())
                    files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());  // a folder's order is the file system's whim

    std::vector<input> inputs;
    for (const auto& file : files) {
        std::ifstream stream(file, std::ios::binary);
        inputs.emplace_back(std::istreambuf_iterator<char>(stream),
                            std::istreambuf_iterator<char>());
    }
    if (inputs.empty())
        inputs.emplace_back();  // the empty input is always worth a try
    return inputs;
}

void install_handlers(const options& chosen)
{
    current.crash_file = chosen.artifact_prefix + "crash";
    for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL})
        std::signal(signal, on_signal);
    if (__sanitizer_set_death_callback != nullptr)
        __sanitizer_set_death_callback(report_crash);
}

void mutate_until_the_end(const options& chosen, const std::vector<input>& inputs,
                          steady::time_point start)
{
    if (!chosen.max_total_time && !chosen.runs)
        return;
    mutator mutations(inputs, chosen.seed, chosen.max_len);
    while (!chosen.runs || current.number < *chosen.runs) {
        if (chosen.max_total_time && steady::now() - start >= *chosen.max_total_time)
            break;
        for (int i = 0; i < 64 && (!chosen.runs || current.number < *chosen.runs); ++i)
            run(mutations.next());
    }
}

}  // namespace

int main(int count, char** arguments)
try {
    const options chosen = parse(count, arguments);
    const std::vector<input> inputs = load(chosen.paths);
    install_handlers(chosen);

    const auto start = steady::now();
    for (const input& data : inputs)
        run(data);
    mutate_until_the_end(chosen, inputs, start);

    const double seconds = std::chrono::duration<double>(steady::now() - start).count();
    std::printf("%zu inputs, %llu executions in %.1f s, %.0f per second, seed %llu\n",
                inputs.size(), static_cast<unsigned long long>(current.number), seconds,
                static_cast<double>(current.number) / std::max(seconds, 1e-9),
                static_cast<unsigned long long>(chosen.seed));
    return 0;
} catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
}
