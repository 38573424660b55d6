#pragma once

// Counts the instructions of one thread, exactly: the program starts itself again, and the copy's thread runs
// one instruction at a time under ptrace, from one mark to the next.

#include <cstdint>
#include <optional>
#include <string>

namespace costs {

/// Instructions between the two marks of `program --case=name`. Nothing: ptrace is not permitted here, or the
/// copy has ended early.
std::optional<std::uint64_t> count_instructions(const std::string& name);

// ---- in the copy ----

/// To be called first, with the arguments of main().
void share_count(int argc, char** argv);

/// The calling thread is counted between its two calls.
void mark();

/// In ns: `real` before the first mark; from then on it goes on by a nanosecond for three counted instructions.
std::int64_t time_while_counted(std::int64_t real) noexcept;

} // namespace costs
