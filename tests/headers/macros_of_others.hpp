#pragma once

// What a program may have defined before it includes a header of the library: macros of Qt, X11,
// Windows-like and Apple-like code, C headers, kernels, and loggers. Each expands to what compiles
// nowhere, so a header that uses its name does not compile. Headers of the standard library, which
// nobody can protect, come first.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <complex.h>
#include <concepts>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <span>
#include <stop_token>
#include <string>
#include <sys/param.h>
#include <sys/sysmacros.h>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

// clang-format off
#define MACRO_TEXT(a) MACRO_TEXT_OF(a)
#define MACRO_TEXT_OF(a) #a
// Qt
#define signals = signals =
#define slots = slots =
#define emit = emit =
#define foreach(a, b) = foreach =
#define forever = forever =
#define Q_OBJECT = Q_OBJECT =
// Windows
#define min(a, b) = min =
#define max(a, b) = max =
#define interface = interface =
#define small = small =
#define near = near =
#define far = far =
#define IN = IN =
#define OUT = OUT =
#define ERROR = ERROR =
#define DELETE = DELETE =
#define VOID = VOID =
#define CONST = CONST =
#define TRUE = TRUE =
#define FALSE = FALSE =
#define BOOL = BOOL =
#define Yield() = Yield =
#define GetMessage = GetMessage =
// Apple, Unreal
#define check(a) = check =
#define verify(a) = verify =
#define require(a, b) = require =
#define nil = nil =
#define YES = YES =
#define NO = NO =
// X11
#define None = None =
#define Bool = Bool =
#define Status = Status =
#define Always = Always =
#define Never = Never =
#define Success = Success =
#define True = True =
#define False = False =
#define Complex = Complex =
#define Unsorted = Unsorted =
#define Above = Above =
#define Below = Below =
#define Expose = Expose =
#define CurrentTime = CurrentTime =
// Loggers and tests
#define CHECK(a) = CHECK =
#define DCHECK(a) = DCHECK =
#define LOG(a) = LOG =
#define ASSERT(a) = ASSERT =
#define TEST(a, b) = TEST =
#define FAIL = FAIL =
#define INFO = INFO =
#define WARN = WARN =
#define DEBUG = DEBUG =
#define TRACE = TRACE =
// C headers, databases, kernels; sys/sysmacros.h has defined major, minor and makedev, complex.h I
#undef I
#define I = I =
#define likely(a) = likely =
#define unlikely(a) = unlikely =
#define unused = unused =
#define noinline = noinline =
#define noreturn = noreturn =
#define fallthrough = fallthrough =
#define packed = packed =
#define container_of(a, b, c) = container_of =
#define barrier() = barrier =
#define cpu_relax() = cpu_relax =
#define PAGE_SIZE = PAGE_SIZE =
#define CACHE_LINE_SIZE = CACHE_LINE_SIZE =
#define ARRAY_SIZE(a) = ARRAY_SIZE =
#define Min(a, b) = Min =
#define Max(a, b) = Max =
#define Assert(a) = Assert =
#define elog(a) = elog =
#define _(a) = _ =
// clang-format on
