#pragma once

// Ordered processing per key, in parallel across keys. All headers of the library, each including
// only those before it:

// clang-format off
#include "convoy/status.hpp"
#include "convoy/detail/asymmetric_fence.hpp"
#include "convoy/detail/pause.hpp"
#include "convoy/detail/prefetch.hpp"
#include "convoy/detail/ready_queue.hpp"
#include "convoy/detail/inline_claim.hpp"
#include "convoy/detail/scheduler.hpp"
#include "convoy/runtime.hpp"
#include "convoy/detail/segment_list.hpp"
#include "convoy/detail/ticket_ring.hpp"
#include "convoy/detail/lane.hpp"
#include "convoy/detail/lane_table.hpp"
#include "convoy/detail/lane_pool.hpp"
#include "convoy/detail/inline_policy.hpp"
#include "convoy/detail/visit_pace.hpp"
#include "convoy/detail/drain_point.hpp"
#include "convoy/detail/spare_memory.hpp"
#include "convoy/detail/key_limit.hpp"
#include "convoy/detail/event_count.hpp"
#include "convoy/detail/room_notice.hpp"
#include "convoy/detail/core.hpp"
#include "convoy/detail/lane_set.hpp"
#include "convoy/detail/partition.hpp"
#include "convoy/detail/lane_run.hpp"
#include "convoy/detail/ingress.hpp"
#include "convoy/processor.hpp"
#include "convoy/detail/task.hpp"
#include "convoy/keyed_executor.hpp"
