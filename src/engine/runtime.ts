import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import { AbortHub } from "./abort-hub.ts";
import { AsyncContext } from "./context.ts";
import { DeadlineTimers } from "./deadline-timers.ts";
import { Events } from "./events.ts";
import type { Scope } from "./scope.ts";

/** What all calls of one engine share: time, chance, timers, events, and the context that nested calls find each other by. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: DeadlineTimers;
  readonly aborts: AbortHub;
  readonly events: Events;
}

/** One for the whole process, whichever engine or stand-alone policy a call belongs to: nesting does not stop at their borders. */
export const scopes: AsyncContext<Scope | undefined> = new AsyncContext<Scope | undefined>();

export function createRuntime(clock: Clock, random: Random): Runtime {
  return { clock, random, timers: new DeadlineTimers(clock), aborts: new AbortHub(), events: new Events() };
}
