// SPDX-License-Identifier: MIT
// The fuzz targets as ordinary tests: every file of the corpus, and the same few thousand damaged
// copies of each in every run.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace
{

using Bytes = std::vector<std::uint8_t>;
constexpr unsigned damaged_copies = 300;

Bytes read(const std::filesystem::path& path)
{
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{}};
}

void try_input(const Bytes& input)
{
    // Exactly as large as it is: a sanitizer sees the step behind its end.
    const Bytes exact(input.begin(), input.end());
    (void)LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void damage(Bytes& bytes, std::mt19937& random)
{
    if (bytes.empty())
        return;
    const std::size_t at = random() % bytes.size();
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    switch (random() % 4) {
    case 0:
        bytes[at] = static_cast<std::uint8_t>(random());
        break;
    case 1:
        bytes.resize(at);
        break;
    case 2:
        bytes.erase(place);
        break;
    default:
        bytes.insert(place, static_cast<std::uint8_t>(random() % 3 == 0 ? 0xff : random()));
    }
}

void try_damaged(const Bytes& input)
{
    std::mt19937 random{20221105}; // the same in every run
    for (unsigned copy = 0; copy < damaged_copies; ++copy) {
        Bytes bytes = input;
        for (auto times = 1 + random() % 4; times > 0; --times)
            damage(bytes, random);
        try_input(bytes);
    }
}

} // namespace

int main(int argc, char** argv)
{
    unsigned files = 0;
    try_input({});
    for (int i = 1; i < argc; ++i)
        for (const auto& entry : std::filesystem::directory_iterator{argv[i]}) {
            const Bytes input = read(entry.path());
            try_input(input);
            try_damaged(input);
            ++files;
        }
    std::printf("%u files, %u damaged copies of each\n", files, damaged_copies);
    return files == 0;
}
