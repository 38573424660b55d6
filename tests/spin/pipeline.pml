/* How a message comes to its handler, and how pumps go to sleep without missing one: the library's
   protocol as interleavings of atomic steps, for two producers, two pumps and a partition with two keys.
   `check` beside this file runs it and says what is shown.

   A step is one access to a word that others see, with the private work around it; a loop around a
   compare-and-swap is the step at which it succeeds. Each section names what it mirrors.

   Left out, since nothing here rests on it:
   - memory orders: interleavings are sequentially consistent, so fences do nothing;
   - inline handlers and takeovers; failures, requests, timers, drain(), close(), credit, trimming;
   - segments: a ticket has its cell for ever, so lookouts_ has nothing to protect;
   - order within queues, which is there for speed: whoever takes an item gets any one of those there
     are. To look into all shared queues, or all of a pump, is one step; a search is one round;
   - held_up() and relieve(), which steal as a search does;
   - clocks. Each visit decides in any way whether lanes are slow (with SLOW or FAST: always one way),
     and no drainer stays that could leave (revisit). A nap always ends, but a pump's park only so
     often as `late` says, perhaps never: no message may depend on it;
   - missing memory, the destructor, and that TBB may have no thread.

   Handlers come to an end by themselves. With HANDLER_WAITS the first one of A waits until one of B has
   run: nothing that is ready may stay hidden behind it, which cover() and the sentry are for. They are
   left out otherwise (cover()) or merely tolerated.

   Macros that begin with NO_ or describe a mistake take a step away or put it in the wrong place, to show
   that somebody notices. */

#ifndef QUANTUM
#define QUANTUM 1 /* messages that a pump handles before it gives the lane back */
#endif
#ifndef MOST_PER_VISIT
#define MOST_PER_VISIT 2
#endif
#ifndef LATE
#define LATE 0
#endif
#ifndef FIRST_IS_AWAY
#define FIRST_IS_AWAY 1
#endif

/* What is submitted, by the first producer and by the second: A B, A; or with fewer A, B; or A, A. */
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifdef ONE_KEY
#define KEY(producer, i) A
#else
#define KEY(producer, i) ((MESSAGES == 2 -> producer : i))
#endif
#define COUNT(producer) (producer == 0 -> MESSAGES - 1 : 1)

#ifndef PUMPS
#define PUMPS 2
#endif
#define A 0
#define B 1
#define P 2 /* the partition, as a ready item; the others are the lanes */
#define NONE 3

/* ---- the partition ---- */

byte tail;               /* ticket_ring::tail_ */
byte word[MESSAGES + 1]; /* cell.word: 0, or 1 + key once published; one more for a look beyond */
bool scheduled;          /* drainer_role::taken_ */
bool returned[2];        /* inbox::returned_, by lane */

byte consumed; /* from here on the drainer's */
bool exists[2];
bool out[2];      /* lined up or handed out */
bool lined_up[2]; /* to be handed out at the end of this visit */
byte handed[2];   /* what the lane's runner may take; its owner's */
chan of_a = [MESSAGES] of { byte }; /* the lanes' tickets */
chan of_b = [MESSAGES] of { byte };
#define CONTENT(k) (k == A -> len(of_a) : len(of_b))

/* ---- the scheduler ---- */

#define NOWHERE 0
#define SHARED 1
#define OWN(pump) (2 + pump)
byte at[3]; /* in which queue a ready item is; NOWHERE: in none, or somebody has taken it */
#define ANY_IN(queue) (at[A] == queue || at[B] == queue || at[P] == queue)
#define OTHER_HAS(what) (at[what] > SHARED && at[what] != OWN(me))
#define OTHERS_HAVE_ANY (OTHER_HAS(A) || OTHER_HAS(B) || OTHER_HAS(P))

byte searching, parked, starting, absent, sentry; /* scheduler::idle_: one word, read and written whole */
#define COUNTED (searching + parked + starting + absent + sentry)
byte park, nap; /* semaphores */
byte tasks;     /* in the arena, not begun */
byte late;      /* so often a park ends by itself */

/* ---- what is to be shown ---- */

byte submitting = 2; /* producers */
byte asleep;         /* pumps that wait for a signal to park or for a task */
byte handled;
byte last[2];    /* ticket + 1 of the key's last message that was handled */
bool running[2]; /* somebody runs the lane */
bool draining;   /* somebody is in the drainer's role */

#define QUIET                                                                                     \
  (submitting == 0 && handled == MESSAGES && !scheduled && !returned[A] && !returned[B] &&        \
   !exists[A] && !exists[B] && at[A] + at[B] + at[P] == NOWHERE && asleep == PUMPS && sentry == 0 &&  \
   park + tasks == 0)

ltl all_handled { <> (handled == MESSAGES) }
ltl quiet_when_idle { <> QUIET } /* and stays so, see init */

/* ---- waking and the role ---- */

inline push(what, queue) {
  assert(at[what] == NOWHERE);
  at[what] = queue
}

/* scheduler.cpp: wake */
inline wake() {
  atomic {
    if
    :: searching != 0 -> skip /* it looks once more after it has counted itself out */
    :: else ->
      if
      :: sentry != 0 -> sentry--; searching++; woken = 1
      :: sentry == 0 && parked != 0 -> parked--; searching++; woken = 2
      :: sentry == 0 && parked == 0 && absent != 0 && starting == 0 -> absent--; starting++; woken = 3
      :: else -> skip
      fi
    fi
  }
  if
  :: atomic { woken == 1 -> woken = 0; nap++ }
  :: atomic { woken == 2 -> woken = 0; park++ }
  :: atomic { woken == 3 -> woken = 0; tasks++ }
  :: woken == 0 -> skip
  fi
}

/* What ends in a goto is a macro, since an inline takes no labels.

   partition.hpp: take_role */
#ifdef TAKE_ROLE_WITHOUT_EXCHANGE
#define TAKE_ROLE_OR(lost)                                                                        \
  LOOK_AT_SCHEDULED_OR(lost);                                                                     \
  scheduled = true
#else
#define TAKE_ROLE_OR(lost)                                                                        \
  atomic {                                                                                        \
    if                                                                                            \
    :: scheduled -> goto lost                                                                     \
    :: else -> scheduled = true                                                                   \
    fi                                                                                            \
  }
#endif

/* partition.hpp: signal, give_back */
#define LOOK_AT_SCHEDULED_OR(lost)                                                                \
  atomic {                                                                                        \
    if                                                                                            \
    :: scheduled -> goto lost                                                                     \
    :: else -> skip                                                                               \
    fi                                                                                            \
  }

/* ---- producers ---- */

proctype producer(byte me) {
  byte i, ticket, woken;

submit: /* submitter.hpp: submit */
  atomic { ticket = tail; tail++ } /* ticket_ring.hpp: claim */
#ifdef LOOK_BEFORE_PUBLISHING
  bool seen = scheduled;
  word[ticket] = 1 + KEY(me, i);
  if
  :: seen -> goto submitted
  :: else -> skip
  fi;
#else
  word[ticket] = 1 + KEY(me, i); /* publish */
  LOOK_AT_SCHEDULED_OR(submitted); /* partition.hpp: signal */
#endif
  TAKE_ROLE_OR(submitted); /* schedule */
  /* scheduler.cpp: make_ready, from outside */
#ifdef WAKE_BEFORE_PUSHING
  wake();
  atomic { push(P, SHARED) }
#else
  atomic { push(P, SHARED) }
  wake();
#endif
submitted:
  atomic {
    ticket = 0; i++;
    if
    :: i < COUNT(me) -> goto submit
    :: else -> i = 0; submitting--
    fi
  }
}

/* ---- a visit of the drainer: private work ---- */

/* scheduler.hpp: push_visit; lane_set.hpp: hand_out */
inline push_own(what) {
  if
  :: slow -> push(what, SHARED)
  :: else -> push(what, OWN(me))
  fi
}

inline line_up(k) {
  out[k] = true;
  lined_up[k] = true
}

/* lane_set.hpp: settle, go_on, rest */
inline settle(k) {
  assert(exists[k] && out[k] && !running[k] && at[k] == NOWHERE);
  out[k] = false;
  if
  :: CONTENT(k) != 0 -> line_up(k)
#ifndef NEVER_RECLAIM
  :: CONTENT(k) == 0 -> assert(handed[k] == 0); exists[k] = false
#endif
  :: else -> skip
  fi
}

/* partition.hpp: settle_returned */
inline settle_returned() {
  if
  :: returned[A] -> settle(A)
  :: else -> skip
  fi;
  if
  :: returned[B] -> settle(B)
  :: else -> skip
  fi
#ifdef RECLAIM_LANE_THAT_IS_OUT
  ;
  if
  :: exists[A] && CONTENT(A) == 0 -> exists[A] = false; out[A] = false
  :: else -> skip
  fi
#endif
}

/* lane_set.hpp: append */
inline append(k) {
#ifdef NEVER_MADE_AGAIN
  assert(exists[k] || last[k] == 0);
#endif
  exists[k] = true;
  if
  :: k == A -> of_a!consumed
  :: else -> of_b!consumed
  fi;
  if
#ifdef LINE_UP_LANE_THAT_IS_OUT
  :: !lined_up[k] -> line_up(k)
#else
  :: !out[k] -> line_up(k)
#endif
  :: else -> skip
  fi
}

/* lane_set.hpp: hand */
inline hand(k) {
  lined_up[k] = false;
  handed[k] = CONTENT(k);
  push_own(k)
}

/* ---- looking before sleeping ---- */

/* shared_queue.hpp, ready_queue.hpp: any item of a queue in which there are some */
inline take(queue) {
  if
  :: at[A] == queue -> item = A
  :: at[B] == queue -> item = B
  :: at[P] == queue -> item = P
  fi;
  at[item] = NOWHERE
}

/* idle.cpp: steal */
inline steal() {
  if
  :: OTHER_HAS(A) -> item = A
  :: OTHER_HAS(B) -> item = B
  :: OTHER_HAS(P) -> item = P
  fi;
  at[item] = NOWHERE
}

/* idle.cpp: any_in_pumps; our own queues are empty whenever this is asked */
#define ANY_IN_PUMPS(yes, no)                                                                     \
  atomic {                                                                                        \
    if                                                                                            \
    :: OTHERS_HAVE_ANY -> goto yes                                                                 \
    :: else -> goto no                                                                            \
    fi                                                                                            \
  }

/* idle.cpp: any_ready */
#define ANY_READY(yes, no)                                                                        \
  atomic {                                                                                        \
    if                                                                                            \
    :: ANY_IN(SHARED) -> goto yes                                                                 \
    :: else -> skip                                                                               \
    fi                                                                                            \
  }                                                                                               \
  ANY_IN_PUMPS(yes, no)

/* idle.cpp: found_ready; `maybe` is a place in it */
#ifdef NO_LOOK_BEFORE_PARKING
#define FOUND_READY(yes, no, maybe) goto no
#else
#define FOUND_READY(yes, no, maybe)                                                               \
  ANY_READY(maybe, no);                                                                           \
maybe:                                                                                            \
  atomic {                                                                                        \
    if                                                                                            \
    :: ANY_IN(SHARED) -> take(SHARED); at[item] = OWN(me); item = NONE; goto yes                  \
    :: else -> skip                                                                               \
    fi                                                                                            \
  }                                                                                               \
  ANY_IN_PUMPS(yes, no)
#endif

/* idle.cpp: leave_field */
#define LEAVE_FIELD_OR(field, woken_up)                                                           \
  if                                                                                              \
  :: field == 0 -> goto woken_up                                                                  \
  :: else -> field--                                                                              \
  fi

/* ---- pumps ---- */

proctype pump(byte me) {
  byte item = NONE, k, moved, done, next, woken;
  bool slow; /* lanes_are_slow() */

  if
  :: me == 0 && FIRST_IS_AWAY -> goto away
  :: else -> goto park_
  fi;

  /* scheduler.cpp: run_task */
away:
  asleep++;
end_away:
  atomic { tasks != 0 -> tasks--; asleep--; starting--; searching++ }

  /* idle.cpp: search, steal, stop_searching. While we count as searching it makes no difference whether
     somebody looks at the idle word before or after we have taken an item. */
search:
  atomic {
    assert(searching != 0 && COUNTED <= PUMPS);
    if
    :: ANY_IN(OWN(me)) -> take(OWN(me))
    :: !ANY_IN(OWN(me)) && ANY_IN(SHARED) -> take(SHARED)
    :: !ANY_IN(OWN(me)) && OTHERS_HAVE_ANY -> steal()
    :: else -> goto sleep
    fi;
    searching--;
    if
    :: searching + sentry != 0 || COUNTED == 0 -> goto run_item
    :: searching + sentry == 0 && COUNTED != 0 && COUNTED + 1 < PUMPS -> goto call
    :: else -> skip /* nobody looks any more */
    fi
  }
#ifdef NO_LOOK_AFTER_SEARCHING
  goto run_item;
#else
  ANY_READY(call, run_item);
#endif
call:
  wake();

  /* scheduler.cpp: run; partition.hpp: run */
run_item:
  if
  :: item == P -> goto drain
  :: else -> skip
  fi;

  /* run_lane.hpp: run_lane */
#if defined(HANDLER_WAITS) && !defined(NO_COVER)
  /* pump.cpp: cover; scheduler.cpp: watched */
  atomic {
    if
    :: ANY_IN(OWN(me)) || ANY_IN(SHARED) -> skip
    :: else -> goto handle
    fi
  }
  atomic {
    if
    :: COUNTED == 0 || searching + sentry != 0 -> goto handle
    :: else -> skip
    fi
  }
  wake();
#endif
handle:
  atomic {
    assert(exists[item] && out[item] && handed[item] != 0 && (!running[item] || done != 0));
    running[item] = true;
    if
    :: item == A -> of_a?k
    :: else -> of_b?k
    fi;
    assert(k >= last[item]); /* in order */
    last[item] = k + 1;
    k = 0; handed[item]--; done++
  }
  atomic {
#ifdef HANDLER_WAITS
    item != A || last[B] != 0;
#endif
    handled++;
    if
    :: done < QUANTUM && handed[item] != 0 -> goto handle
    :: else -> done = 0
    fi;
    running[item] = false
  }
  /* partition.hpp: give_back */
#ifdef LOOK_BEFORE_GIVING_BACK
  bool seen = scheduled;
#endif
  atomic {
    assert(exists[item] && !returned[item]);
    returned[item] = true;
    item = NONE
  }
#ifdef NO_LOOK_AFTER_GIVING_BACK
  goto next_item;
#endif
#ifdef LOOK_BEFORE_GIVING_BACK
  if
  :: seen -> goto next_item
  :: else -> skip
  fi;
#else
  LOOK_AT_SCHEDULED_OR(next_item);
#endif
  TAKE_ROLE_OR(next_item);
  atomic { push_own(P); goto next_item }

  /* partition.hpp: drain */
drain:
  atomic {
    assert(scheduled && !draining);
    draining = true;
    item = NONE;
    if /* scheduler.hpp: note_visit */
#ifndef FAST
    :: slow = true
#endif
#ifndef SLOW
    :: slow = false
#endif
    fi;
    settle_returned();
#ifdef TAKE_LANES_WITHOUT_EXCHANGE
  }
  atomic {
#endif
    returned[A] = false; returned[B] = false /* inbox.hpp: take_lanes, by one exchange */
  }
  /* visit.hpp: move; ticket_ring.hpp: peek, consume */
  do
  :: atomic {
      moved < MOST_PER_VISIT && word[consumed] != 0 -> k = word[consumed] - 1; append(k);
      consumed++; moved++; k = 0
    }
  :: atomic { moved == MOST_PER_VISIT || word[consumed] == 0 -> break }
  od;
  /* lane_set.hpp: hand_out */
  do
  :: atomic { lined_up[A] -> hand(A) }
  :: atomic { lined_up[B] -> hand(B) }
  :: atomic { !lined_up[A] && !lined_up[B] && moved == MOST_PER_VISIT -> goto visit_again }
  :: atomic { !lined_up[A] && !lined_up[B] && moved != MOST_PER_VISIT ->
      /* partition.hpp: leave; the first look */
      if
      :: tail == consumed -> goto leave
      :: else -> break
      fi
    }
  od;
  atomic {
    if
    :: word[consumed] == 0 -> goto leave_to_producer
    :: true -> goto visit_again /* there is one, or we wait for it in the role */
    fi
  }
leave: /* partition.hpp: leave */
#ifdef NEVER_LEAVE
  goto visit_again;
#endif
  atomic { next = consumed; draining = false; scheduled = false; moved = 0 }
#if !defined(NO_SECOND_LOOK_AFTER_LEAVING) && !defined(NO_LOOK_AT_TICKETS_AFTER_LEAVING)
  atomic {
    if
    :: tail != next -> goto take_back
    :: else -> skip
    fi
  }
#endif
  goto look_at_inbox;
leave_to_producer: /* partition.hpp: leave_to_producer */
  atomic { next = consumed; draining = false; scheduled = false; moved = 0 }
#if !defined(NO_SECOND_LOOK_AFTER_LEAVING) && !defined(NO_LOOK_AT_CELL_AFTER_LEAVING)
  atomic {
    if
    :: word[next] != 0 -> goto take_back
    :: else -> skip
    fi
  }
#endif
look_at_inbox: /* inbox.hpp: anything */
#if !defined(NO_SECOND_LOOK_AFTER_LEAVING) && !defined(NO_LOOK_AT_INBOX_AFTER_LEAVING)
  atomic {
    next = 0;
    if
    :: returned[A] || returned[B] -> goto take_back
    :: else -> goto next_item
    fi
  }
#else
  goto next_item;
#endif
take_back:
  TAKE_ROLE_OR(next_item);
visit_again:
  atomic { draining = false; moved = 0; next = 0; push_own(P) }

  /* pump.cpp: next, share, next_while_slow */
next_item:
  atomic {
    next = 0;
    if
    :: ANY_IN(OWN(me)) -> take(OWN(me)); goto run_item
    :: ANY_IN(SHARED) -> take(SHARED); goto run_item
    :: slow && OTHER_HAS(P) -> item = P; at[P] = NOWHERE; goto run_item
    :: else -> skip
    fi
  }
  atomic { searching++; goto search }

  /* idle.cpp: sleep */
sleep:
#ifdef LOOK_BEFORE_COUNTING_AS_PARKED
  FOUND_READY(search, count, maybe);
count:
#endif
  atomic {
    if
    :: COUNTED < PUMPS && sentry == 0 -> searching--; sentry++
    :: else -> searching--; parked++; goto park_
    fi
  }

  /* idle.cpp: stand_sentry */
stand_sentry:
  if
  :: atomic { nap != 0 -> nap--; goto search }
  :: atomic {
      nap == 0 ->
      if
#ifndef SENTRY_STAYS
      :: COUNTED == PUMPS -> goto leave_sentry
#endif
      :: else -> skip
      fi
    }
  fi;
  ANY_READY(leave_sentry, nothing);
leave_sentry:
  atomic { LEAVE_FIELD_OR(sentry, wait_for_nap); searching++; goto search }
nothing:
  if
  :: true -> goto stand_sentry
  :: true -> /* it has napped often enough */
    atomic { LEAVE_FIELD_OR(sentry, wait_for_nap); parked++; goto park_ }
  fi;
  /* idle.cpp: leave. The signal is on the way. Another pump may stand sentry meanwhile and get it; then
     that one was woken, and we leave in its place. */
wait_for_nap:
#ifdef SENTRY_WAITS_FOR_ITS_SIGNAL
  atomic { nap != 0 -> nap--; goto search }
#else
  if
  :: atomic { nap != 0 -> nap--; goto search }
  :: atomic { nap == 0 && sentry != 0 -> goto leave_sentry }
  fi;
#endif

  /* idle.cpp: park */
park_:
#ifndef LOOK_BEFORE_COUNTING_AS_PARKED
  FOUND_READY(unpark, parked_, maybe);
#endif
parked_:
  asleep++;
end_parked:
  if
  :: atomic { park != 0 -> park--; asleep--; goto search }
  :: atomic { park == 0 && late != 0 -> late--; asleep-- }
  fi;
#if LATE
  if
  :: true -> goto unpark /* if there is something that could not be taken */
  :: true -> FOUND_READY(unpark, leave_parked, maybe_now)
  fi;
leave_parked:
  atomic { LEAVE_FIELD_OR(parked, wait_for_park); goto go_away }
#endif
unpark:
  atomic { LEAVE_FIELD_OR(parked, wait_for_park); searching++; goto search }
  /* The signal is on the way, or another pump gets it, as above. */
wait_for_park:
#ifdef FORGET_THE_SIGNAL
  goto search;
#endif
  if
  :: atomic { park != 0 -> park--; goto search }
  :: atomic { park == 0 && parked != 0 -> goto unpark }
#if LATE
  :: atomic { park == 0 && parked != 0 -> goto leave_parked }
#endif
  fi;

  /* scheduler.cpp: run_task */
go_away:
  absent++;
#ifndef NO_LOOK_BEFORE_GOING_AWAY
  ANY_READY(call_another, away);
call_another:
  wake();
#endif
  goto away
}

init {
  atomic {
    do
    :: late < LATE -> late++
    :: break
    od;
    absent = FIRST_IS_AWAY;
    parked = PUMPS - FIRST_IS_AWAY;
    run pump(0);
    run pump(1);
#if PUMPS == 3
    run pump(2);
#endif
    run producer(0);
    run producer(1)
  }
  QUIET; /* when nothing moves any more this must have been so, else the end is invalid */
#if LATE == 0
end_quiet:
  !QUIET -> assert(false)
#endif
}
