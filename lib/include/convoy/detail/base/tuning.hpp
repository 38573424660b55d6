#pragma once

// Every constant whose value was chosen by measurement or by experience, room by room. Each says
// what it is for, and then what its value rests on:
//
//   Measured      there is a figure, and the commit or the document that has it
//   Trade         what a larger and a smaller value would cost; nobody compared values
//   Not measured  why this one, as far as anybody knows
//
// What is not here: facts (a cache line, the bits of a word), defaults of options, and two limits
// that models replace by smaller ones (wait_limits.hpp).

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace convoy::detail::tuning {

// ---- all rooms ----

/// Sleep before memory is asked for again, where what was begun can't be undone.
/// Not measured: long enough to burn no core, and a process without memory has other worries.
inline constexpr std::chrono::milliseconds out_of_memory_nap{1};

/// Sleep between two looks for a pump that is about to leave what a destructor is about to free.
/// Not measured: the pump has some instructions to go, unless it was preempted.
inline constexpr std::chrono::microseconds straggler_nap{20};

// ---- base ----

/// Pause instructions in pause_a_little(), which should take tens of nanoseconds.
/// Not measured: a pause takes 10 to 140 cycles, depending on the processor.
inline constexpr unsigned pauses_in_a_little = 8;

// ---- ds ----

/// Bytes of cells in a segment of the ring. Trade: producers take a lock once per segment; two
/// segments of an idle ring should stay in a cache of 32 KiB. Why not one large ring:
/// decisions/segments-not-one-ring.md.
inline constexpr std::uint64_t segment_bytes = 8192;
/// Bounds for the number of these cells: large messages, small ones. Not measured: with fewer than
/// 8 the lock comes too often. 256 is what 32 bytes a cell give anyhow.
inline constexpr std::uint64_t fewest_segment_cells = 8, most_segment_cells = 256;

/// A segment that is free is linked behind the last one as long as there are not so many ahead of
/// the tickets; then it becomes a spare. Not measured: one in use and one to come, so producers
/// seldom need the lock.
inline constexpr std::uint64_t segments_ahead = 2;

/// Spare segments that an idle ring keeps. Keeping spares at all: see trim_time.
/// Not measured: 16 KiB a partition, enough for a burst of some hundred messages.
inline constexpr std::size_t kept_segments = 2;
/// Pieces of memory (see trim_pieces) that a segment counts for.
/// Not measured: it is 8 KiB, and most other pieces are some hundred bytes.
inline constexpr std::size_t pieces_per_segment = 8;

/// So many cells ahead of a producer's ticket are prefetched. Measured: that they are, for writing
/// (6b13fe9: one key, one worker 80 -> 54 ns a message, two workers 77 -> 49). Not measured: the
/// distance; at 10 ns a submit it is 120 ns, about a miss.
inline constexpr std::uint64_t prefetch_distance = 12;
/// Cache lines of a cell that are prefetched. Measured: more than the first one (6b13fe9: 64 bytes,
/// 1,000 keys 70 -> 46 ns). Not measured: that four are enough, as the processor sees where larger
/// cells go.
inline constexpr std::size_t most_prefetched_lines = 4;

/// Items in a pump's queue of ready items; also messages that a visit moves to lanes, so that all
/// of these fit. Not measured: what Go's and Tokio's run queues have. More of them wait in the
/// shared queue.
inline constexpr std::uint64_t ready_queue_capacity = 256;

/// Of nanoseconds: age is counted in steps of 16 us. Trade: it orders lanes that take 25 us and
/// more, so finer steps say nothing; 32 bits of them come round after 19 hours. Efficiency with
/// that rule: decisions/oldest-head-first.md.
inline constexpr unsigned coarse_time_bits = 14;
/// Lanes that wait by age in a block of memory, 16 bytes each; an idle runtime keeps one block.
/// Not measured: more than wait while the load is less than the workers can do.
inline constexpr std::size_t ages_in_a_block = 1024;

/// Steps of 16 us between two looks at how many tickets were given out, while a drainer runs
/// handlers inline.
/// Trade: a look takes a line from the producers (some 0.1 us for each side), and what came in
/// between counts as evenly spread. Without looks a handler that got stuck in the first visit made a
/// partition's whole backlog as young as the take-over: a hot key waited for 5,000 to 15,000 of
/// 20,000 messages that were younger, and the flights reached 60 to 75 % of the bound.
inline constexpr std::uint32_t most_between_ticket_looks = 64;

/// Of nanoseconds: a tick of the timer wheel is 131 us.
/// Not measured: a timer is some 60 us late in any case (bench/effects/README.md).
inline constexpr unsigned timer_tick_bits = 17;

/// Buckets of a table of keys when it is made: they lie in it, so few keys need no memory.
/// Not measured: 512 bytes a partition.
inline constexpr std::uint64_t fewest_buckets = 64;
/// Buckets that the table of an idle partition keeps.
/// Not measured: for as many lanes as kept_lanes.
inline constexpr std::uint64_t kept_buckets = 256;
/// A table grows when it has more keys than buckets, to twice the buckets ...
/// Not measured: chains of one on average.
inline constexpr std::uint64_t bucket_growth = 2;
/// ... and is too large with so many times more buckets than keys, then it shrinks to
/// `bucket_growth` a key. Trade: far from the growth, so that waves of keys make it neither grow
/// nor shrink. Measured with trim_time: 502 of 701 allocations in 4 M messages were a table's
/// (fef25b3), now none.
inline constexpr std::uint64_t too_many_buckets = 8;

/// Objects that an idle node_pool keeps: holds, limited keys, ids. Measured: that they are kept
/// (72d880d: 3 to 10 allocations less for each message whose key was idle). Not measured: how many;
/// some 10 KiB of each kind.
inline constexpr std::size_t kept_nodes = 64;

/// A thread that sleeps for a condition looks again so often (event_count). Trade: it bounds what a
/// lost wake-up (glibc's bug 25847) and a slow handler between two visits may hide; each sleeper
/// wakes 100 times a second. Telling all more often instead: 64 producers 288 to 616 ns a message,
/// not 60 (d02fd6b).
inline constexpr std::chrono::milliseconds most_asleep{10};

/// Bytes of a callable that lie inside a task; larger ones are allocated.
/// Not measured: with the pointer to its code 48 bytes; five captured words, or a std::function.
inline constexpr std::size_t task_room = 40;

// ---- sched ----

/// How long a pump that has run dry searches before it sleeps: about what a wake-up costs. Measured
/// (c944a70): with 1 us throughput is the same, but the median wait at 10 % load 300 us, not 40.
inline constexpr std::chrono::microseconds search_time{10};
/// Pause instructions between two looks of a search. Measured: looking into other pumps' queues
/// each time (some 0.2 us) pulled their lines away, so they are looked at ever more rarely:
/// ping_pong 4.2 -> 6.0 M/s, one key +7 to +10 % (c944a70). Not measured: the number.
inline constexpr unsigned search_pauses = 16;

/// A sentry looks through all queues so often, and somebody watches for handlers that are stuck:
/// how long work may hide behind a handler. Trade: it costs a wake-up and a look each time; as long
/// as most_inline_time. Not compared. The naps after which it parks are idle_naps in
/// wait_limits.hpp: 2 ms.
inline constexpr std::chrono::microseconds nap_time{50};
/// A parked pump waits so long, then its thread goes back to the arena.
/// Not measured: making a thread costs 0.2 ms, which is 0.2 % of it.
inline constexpr std::chrono::milliseconds park_time{100};
/// Likewise if it saw a shared item that it could not take. Not measured: somebody is taking it,
/// who may be preempted. Spinning for it instead stopped 64 workers on two cores for 50 ms
/// (6ba8ea7).
inline constexpr std::chrono::milliseconds short_park_time{1};

/// A pump visits partitions about so often. Lanes of more than half of it are slow. Trade: what
/// comes waits for the next visit; slow lanes take a lock, at 25 us and 64 workers less than five
/// million times a second (memory-orders.md).
inline constexpr std::chrono::nanoseconds visit_time{50'000};
/// Lanes between two visits, at most. The interval may grow by `interval_growth` a visit. Not
/// measured: very cheap lanes need no more. That few slow ones can't be taken for fast ones is what
/// the growth is for: 64 slow lanes in a row made flights reach 90 % of the bound, not 97 to 99
/// (102a1fe).
inline constexpr std::int64_t most_lanes_between_visits = 64;
inline constexpr std::int64_t interval_growth = 2;
/// Lanes between two looks whether a visit is due by the clock. Not measured: a look costs some
/// tens of nanoseconds; lanes may be slower than those that the interval comes from.
inline constexpr std::uint32_t lanes_between_looks = 8;

/// Of so many turns of a pump with fast lanes one runs a lane, though a visit waits, ... Not
/// measured: often enough that no lane starves. A slow lane at each fourth turn cost 3 % (bc5628f).
inline constexpr std::uint32_t lane_turn = 32;
/// ... and one takes what waits in the shared queue.
/// Not measured: without a turn other processors starved behind one that is busy (7391a1a).
inline constexpr std::uint32_t shared_turn = 4;
/// Visits in a row that a pump with slow lanes runs before it takes a lane. Trade: a lane is chosen
/// among more that came by then, but must not wait for ever (fde3aa5). Not compared.
inline constexpr std::uint32_t most_visits_in_a_row = 16;

/// Pumps that have not begun are looked after so much later. Measured: TBB makes a thread in 0.2
/// ms. Trade: an own thread too many, or work that waits for nothing.
inline constexpr std::chrono::milliseconds thread_is_late_after{1};
/// When no thread could be made it is tried again so much later.
/// Not measured: others have to end threads first, or free memory.
inline constexpr std::chrono::milliseconds make_thread_again_after{10};
/// Memory that was not needed for so long goes back to the system. Measured: against giving it back
/// at once, one key 55 -> 41 ns a message, 1,000 keys 50 -> 45; a segment of fresh pages cost 17 us
/// (5fe2f89). Not measured: other times.
inline constexpr std::chrono::milliseconds trim_time{100};

/// A submit in a task of TBB's gives up when no room came for so long while a handler ran.
/// Not measured: a handler that only is slow should not be taken for one that waits for the submit.
inline constexpr std::chrono::seconds most_task_wait{1};
/// The next submit of the thread gives up at once if it comes so soon.
/// Not measured: a loop of submits, which should not take a second for each.
inline constexpr std::chrono::milliseconds same_task_wait{100};

// ---- shared ----

/// The least time until a key that may be forgotten is looked at.
/// Not measured: it counts where neither the window of ids nor the burst takes longer.
inline constexpr std::chrono::milliseconds soonest_key_look{1};

// ---- lane ----

/// Bytes of messages in a chunk, at most, ...
/// Not measured: a page; what 256 messages of 16 bytes take.
inline constexpr std::size_t most_chunk_bytes = 4096;
/// ... and messages.
/// Not measured: as many as a visit moves.
inline constexpr std::size_t most_chunk_messages = 256;
/// A lane's next chunk has so many times more room than the one before, up to that.
/// Trade: short lanes stay small, and a long one has few chunks: 1, 4, 16, 64, 256. Not compared.
inline constexpr std::uint32_t chunk_growth = 4;

/// Lanes and chunks that an idle partition keeps.
/// Not measured: as many as one visit needs; 1.3 MB a partition, if all are the largest chunks.
inline constexpr std::size_t kept_lanes = 256;

/// Shared messages of a key that are out, unless `most_shared` is told. Not measured against others: with
/// one, a worker waits for the drainer after each message.
inline constexpr std::uint32_t siblings_per_worker = 2;

// ---- partition ----

/// Tickets that a visit consumes, at most. Trade: the larger, the less a message pays for the
/// visit, and the longer wait other partitions and credit. It was 1,024 at first (5581074); the
/// halving (499f0ab) has no figure.
inline constexpr std::uint64_t most_tickets_per_visit = 512;
/// More tickets, if messages are conflated. A lane that is handed out takes in nothing, so what is in the
/// ring should come first: of one key, at most as much as comes while a message is handled. Bounds
/// the time of a visit to some 100 us.
inline constexpr std::uint64_t more_tickets_to_conflate = 4096;
/// Between two tries of a joint submit that waits for the rate of one of its keys. Not measured.
inline constexpr std::chrono::nanoseconds joint_rate_nap = std::chrono::milliseconds(1);
/// Of so many joint messages a partition's drainer may have seen the place while others have not: it
/// then waits for them to come as far. Trade: the more, the less it waits for one whose thread was
/// preempted; the fewer, the more of them stay in cache, and few wait in lanes. Unbounded it was
/// 2,100 ns of CPU for each, with 16,384 waiting and 10 threads on two cores.
inline constexpr std::size_t joint_messages_ahead = 128;
/// Until a drainer that waits for others looks again, if its pump has nothing else to do: they may need
/// its core.
inline constexpr std::chrono::nanoseconds joint_nap = std::chrono::microseconds(20);
/// How far ahead in its ring a drainer asks for joint messages, for buckets of their keys, and for lanes.
inline constexpr std::uint64_t joint_prefetch = 12, joint_bucket_prefetch = 8,
                               joint_lane_prefetch = 4;
/// A place of a joint message counts as so many messages moved to lanes. The fewer of them wait for
/// their other places, the more of them stay in cache: 64 a visit.
inline constexpr std::uint32_t joint_place_weight = 4;
/// Messages that a visit may move to lanes though the pump's queue is full.
/// Not measured: else a pump with a long queue would not get on with its ring.
inline constexpr std::uint64_t fewest_messages_per_visit = 32;

/// Time that handlers may run in an inline visit until others get a turn.
/// Not measured: as visit_time.
inline constexpr std::chrono::nanoseconds most_inline_time{50'000};
/// A visit's handlers are fast, and stay inline, if it took no longer than: for itself ...
/// Not measured: a look around and a cold ring.
inline constexpr std::chrono::nanoseconds visit_overhead{2'000};
/// ... for each handler that ran ...
/// Trade: cheaper ones gain from the way saved, others should be where other pumps can help.
inline constexpr std::chrono::nanoseconds slow_handler{1'000};
/// ... and for each message that was moved to its lane. Handlers that cost no more are cheap. Not
/// measured: 60 ns. A lane costs 10 to 22 ns a message where its lines are warm (bench/README.md),
/// and some misses where they are cold.
inline constexpr std::chrono::nanoseconds staging{60};
/// Visits that are staged after a slow one. The number doubles each time, up to the second. Not
/// measured: a look now and then whether handlers have become fast, at 1 slow visit of 32 to 1,024.
inline constexpr std::uint32_t fewest_staged_visits = 32, most_staged_visits = 1024;
/// Messages of one lane that run in a row while handlers are cheap. Measured: that it is more than
/// a visit moves, so that the lane comes to an end (9b8b84c: a lane that does not keeps its key out
/// of the ring, preloaded 88 -> 68 M/s). Not measured: 1,024.
inline constexpr std::uint32_t most_cheap_in_a_row = 1024;
/// Handlers before an inline visit first looks at the clock; the next looks come after twice as
/// many. Not measured: one handler is too few to judge by.
inline constexpr std::uint32_t first_inline_look = 2;
/// Handlers between two looks, at most, if they are cheap, and if not. Trade: a look costs as much
/// as a few cheap handlers; 32 of 1 us are within most_inline_time. Part of what brought 271
/// instructions a message to 46 (5581074).
inline constexpr std::uint32_t most_between_cheap_looks = 128, most_between_inline_looks = 32;

/// Messages that make a partition hot: there will soon be more. Measured: that one or two are none,
/// but a reply that somebody waits for: ping-pong 1,410 -> 180 ns a hop (c4a9571). Not measured:
/// four.
inline constexpr std::uint32_t hot_batch = 4;
/// It stays hot for so long without messages. Trade: the drainer spins meanwhile; leaving would
/// cost the producer a wake-up, some 10 us. Not compared.
inline constexpr std::chrono::nanoseconds hot_time{20'000};
/// If it had less than this part of a full visit, the next visit keeps away for stay_away_time.
/// Trade: reading cells while they are written slows both sides, and a message waits. Not compared.
inline constexpr std::uint32_t few_of_visit = 4;
inline constexpr std::chrono::nanoseconds stay_away_time{2'000};

/// Places for which one thread is woken while room is scarce, at most; no more than this part of
/// all places. Measured: against waking all, 64 producers, capacity 65,536: 910 -> 75 ns a message
/// (d02fd6b); capacity 1,024: 976 -> 287 (6525f9a). Not measured: the numbers; a wake-up costs
/// about as much as some hundred messages.
inline constexpr std::uint64_t most_places_per_thread = 1024;
inline constexpr std::uint64_t part_of_places = 16;

/// Pieces of memory that a visit gives back at once.
/// Not measured: what takes some microseconds.
inline constexpr std::size_t trim_pieces = 256;

// ---- run ----

/// Messages before a quantum first looks at the clock; the second one with slow lanes.
/// Not measured: with slow handlers one may be the whole quantum.
inline constexpr std::uint32_t first_quantum_look = 2, first_slow_quantum_look = 1;
/// Messages between two looks, at most. Trade: a look costs as much as a few cheap handlers, and a
/// quantum may overrun its time by so many.
inline constexpr std::uint32_t most_between_quantum_looks = 8;

/// A sink of dead letters that refuses is asked again after the first of these times, and then each
/// time after twice as long, up to the second. Measured: each 10 ms, 1,000 lanes that waited for a
/// full store used a fifth of a core (72d880d).
inline constexpr std::chrono::milliseconds first_offer_again{10}, longest_offer_again{1000};

// ---- submit ----

/// Partitions of a processor, at most.
/// Not measured: a bulk has two bytes for each on its stack. Options that ask for more are refused.
inline constexpr std::size_t most_partitions = 1024;

/// Messages of a bulk that are submitted together. Trade: they share tickets and signals; 8 KiB of
/// the stack. Measured as a whole: 76 -> 49 instructions a message (1ba2b22, bulks of 64). Not
/// measured: other chunks.
inline constexpr std::size_t bulk_chunk = 256;
/// Where a chunk does not fit, the next has this part of it; where it does, twice as many.
/// Not measured: room is found in few steps, and a full processor gets one message at a time.
inline constexpr std::size_t bulk_shrink = 4, bulk_growth = 2;

/// A submit that waits for its key's rate looks again so often.
/// Not measured: as most_asleep; nobody tells it, and it may have to give up.
inline constexpr std::chrono::milliseconds most_rate_sleep{10};

// ---- insight ----

/// From one message that is timed to the next, in the mean, and so many messages at most. Trade: two
/// clocks and three tables cost some 0.6 us; a window of a second has 5,000 samples of a worker.
inline constexpr std::chrono::microseconds between_samples{200};
inline constexpr double most_between_samples = 1 << 16;

/// What waits in a partition is noted so often, at most. Trade: a note costs 30 ns.
inline constexpr std::chrono::microseconds between_levels{64};

/// And what its lanes have, one by one: at most so often, and for a hundredth of the time. Trade: what
/// is told is so much too old.
inline constexpr std::chrono::milliseconds between_surveys{10};
inline constexpr int most_share_of_looks = 100;
/// And not at all if it has more lanes, as messages wait meanwhile. Measured: 200,000 lanes cost
/// 0.5 ms at the 99th percentile, 1.5 million 10 ms.
inline constexpr std::size_t most_surveyed_lanes = 1 << 14;

/// A recording waits so long for drainers that are busy to tell what their lanes have.
inline constexpr std::chrono::milliseconds longest_survey{20};

/// How much waits is noted so often while a processor is recorded. Not measured: it is to look at.
inline constexpr std::chrono::milliseconds between_recorded_levels{5};

// ---- coroutines ----

/// A frame's first bytes are fetched as its lane is handed out. No gain was seen under load: see again.
inline constexpr std::size_t prefetched_of_frame = 320;

/// Sizes of blocks differ by this, and so many are kept; larger ones are allocated each time.
/// Not measured: a frame has some 200 to 500 bytes.
inline constexpr std::size_t block_step = 32;
inline constexpr std::size_t block_classes = 64;
/// Blocks that pumps pass on to each other at once, and how many bundles of a size wait for somebody
/// at most. Not measured: a lock for 64 blocks is nothing; 1,024 frames are less than a MiB.
inline constexpr std::size_t bundle = 64;
inline constexpr std::size_t most_bundles = 16;

// ---- sinks ----

/// A sync waits for as many lines as came during the last one, at most this part of that one's
/// time. Measured: a device of 1.5 ms, lines per sync without and with the wait: two workers 1.4
/// and 2.0, 16 workers 8.3 and 14 (architecture.md). Not measured: other parts.
inline constexpr int part_of_sync = 8;
/// Bytes that a reader of lines asks for at once.
/// Not measured: far more than a line, and a system call is little beside copying them.
inline constexpr std::size_t read_block = 1 << 16;
/// Bytes in which the end of a file is looked through for its last line.
/// Not measured: a page; most files end with a whole line.
inline constexpr std::size_t tail_block = 4096;

// ---- sources ----

/// A reader whose partition is taken looks so often whether its handlers have returned.
/// Not measured: nobody tells it, so that handlers pay nothing; a rebalance takes a hundred times that.
inline constexpr std::chrono::milliseconds between_looks_for_quiet{1};

/// Nothing is read while a reader asks why partitions are held up.
/// Not measured: a tenth of the time between two looks.
inline constexpr std::chrono::milliseconds longest_look_for_blocked{10};
/// While no record comes, or none has room, stop() and what the broker wants wait for a reader so long,
/// at most. Not measured: 50 looks a second cost nothing, and nobody sees the delay.
inline constexpr std::chrono::milliseconds most_idle_read{20};
/// From one look at what is blocked, at positions and at the connection to the next.
/// Not measured: positions are as old as this.
inline constexpr std::chrono::milliseconds between_looks_of_reader{100};
/// Records that are read in a row, before a look at the rest and at the clock.
/// Not measured: the look costs as much as a few records.
inline constexpr int most_reads_in_a_row = 256;

} // namespace convoy::detail::tuning
