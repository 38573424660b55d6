#pragma once

// How long threads wait for each other before they do what is expensive. Apart from what does it,
// so that a model can be impatient.

namespace convoy::detail {

/// Looks at a ticket that should be published in nanoseconds; then its producer is taken to be
/// preempted.
inline constexpr unsigned looks_at_ticket = 16;

/// Naps of a sentry that has found nothing; then it parks.
inline constexpr unsigned idle_naps = 40;

} // namespace convoy::detail
