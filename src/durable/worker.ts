import { durationMs, type Duration } from "../core/duration.ts";
import { ConfigError } from "../core/errors.ts";
import type { Admittee, Lane } from "../engine/lane.ts";
import type { Runtime } from "../engine/runtime.ts";
import type { Allowance, ClaimedOperation, LaneBacklog, LaneKey, OperationStore, Settlement } from "../ports/operation-store.ts";
import type { Fenced } from "../ports/idempotency-store.ts";
import type { TimerHandle } from "../ports/clock.ts";
import { Batcher } from "./batcher.ts";

/**
 * The durable worker.
 *
 * It goes round the lanes that have due work. Of each lane it first takes admissions, as many as the lane's permits, breaker, ramp
 * and rate tokens give, then claims no more operations than it holds admissions for, and gives back what it did not need. So
 * nothing is claimed that may not go: a dead API's backlog stays in its rows, costs nobody anything, and its breaker's
 * probes are real operations.
 *
 * An operation under way is held by a lease, extended while it lasts. Every settle shows the claim it was made under;
 * a worker that was paused past its lease changes nothing. Leases of vanished workers are taken back; an operation that saw
 * three holders vanish is poison.
 *
 * It rests when no lane has both work and room, until work is told of, a parked row falls due, a token is free, or the
 * poll interval is over.
 */
export interface WorkerOptions {
  /** Operations under way at once in this process. @default 200 */
  readonly concurrency?: number;
  /** Of one lane. @default 50 */
  readonly laneConcurrency?: number;
  /** How long an operation is held without a word. @default "60s" */
  readonly lease?: Duration;
  /** Holders that may vanish with an operation before it is a dead letter `poison`. @default 3 */
  readonly poisonAfter?: number;
  /** Longest rest while there is nothing to do. @default "2s" */
  readonly pollEvery?: Duration;
}

export interface ResolvedWorkerOptions {
  readonly concurrency: number;
  readonly laneConcurrency: number;
  readonly leaseMs: number;
  readonly poisonAfter: number;
  readonly pollMs: number;
}

export function resolveWorkerOptions(options: WorkerOptions = {}, path = "worker"): ResolvedWorkerOptions {
  const count = (name: keyof WorkerOptions, value: number): number => {
    if (!Number.isInteger(value) || value < 1)
      throw new ConfigError({ path: `${path}.${name}`, message: `${path}.${name} is ${value}; give a whole number of at least 1` });
    return value;
  };
  const known = ["concurrency", "laneConcurrency", "lease", "poisonAfter", "pollEvery"];
  for (const key of Object.keys(options)) {
    if (!known.includes(key))
      throw new ConfigError({ path: `${path}.${key}`, message: `${path}.${key} is not an option; known are ${known.join(", ")}` });
  }
  const leaseMs = durationMs(options.lease ?? 60_000, `${path}.lease`);
  const pollMs = durationMs(options.pollEvery ?? 2_000, `${path}.pollEvery`);
  if (leaseMs < 1_000)
    throw new ConfigError({
      path: `${path}.lease`,
      message: `${path}.lease is ${leaseMs} ms; give at least a second, or a pause of the process loses work it still has`,
    });
  if (pollMs < 10) throw new ConfigError({ path: `${path}.pollEvery`, message: `${path}.pollEvery is ${pollMs} ms; give at least 10 ms` });
  return Object.freeze({
    concurrency: count("concurrency", options.concurrency ?? 200),
    laneConcurrency: count("laneConcurrency", options.laneConcurrency ?? 50),
    leaseMs,
    poisonAfter: count("poisonAfter", options.poisonAfter ?? 3),
    pollMs,
  });
}

/** How the worker reaches the rest: it knows queues and lanes, not HTTP. */
export interface WorkerPorts {
  readonly store: OperationStore;
  readonly runtime: Runtime;
  /** Names this process in leases. */
  readonly name: string;
  /** The lane of an operation; undefined for an API that is not defined here: another process may know it. */
  lane(key: LaneKey): Lane | undefined;
  /** One attempt of an admitted operation, under its reservation; answers what to write down. Never throws. */
  execute(claimed: ClaimedOperation, reservation: Admittee, lane: Lane, signal: AbortSignal): Promise<Settlement>;
  /** What to write for an operation whose holders keep vanishing. */
  poison(claimed: ClaimedOperation): Promise<Settlement>;
  /** Told after a settlement was written. */
  settled(claimed: ClaimedOperation, settlement: Settlement, result: Fenced): void;
  /** Told of a store that does not answer; the worker goes on trying. */
  failed(error: unknown): void;
}

/** An admission that was taken before its operation is known. */
class Reservation implements Admittee {
  readonly cost = 1;
  readonly deadlineAt: number = Number.POSITIVE_INFINITY;
  readonly maxWaitMs: number = Number.POSITIVE_INFINITY;
  readonly callerSignal: undefined = undefined;
  generation = 0;
}

interface UnderWay {
  readonly claimed: ClaimedOperation;
  readonly laneName: string;
}

const SETTLE_BATCH = 500;
/** A store that fails is asked again after this, so that an outage of it is not a busy loop. */
const STORE_PAUSE_MS = 500;

export class Worker {
  readonly #options: ResolvedWorkerOptions;
  readonly #ports: WorkerPorts;
  readonly #settler: Batcher<Settlement, Fenced>;
  readonly #underWay = new Map<string, UnderWay>();
  readonly #perLane = new Map<string, number>();
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined = undefined;
  #stopped = false;
  #backlog: readonly LaneBacklog[] = [];
  /** The backlog in hand may be out of date. */
  #stale = true;
  #turn = 0;
  #wake: (() => void) | undefined = undefined;
  #keeper: TimerHandle | undefined = undefined;
  #unlisten: (() => void) | undefined = undefined;

  constructor(options: ResolvedWorkerOptions, ports: WorkerPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#settler = new Batcher((batch) => ports.store.settle(batch), SETTLE_BATCH, 2);
  }

  /** Begins to work. A second call does nothing. */
  start(): void {
    if (this.#running !== undefined) return;
    this.#unlisten = this.#ports.store.onWork(() => this.#nudge(true));
    this.#keep();
    this.#running = this.#loop();
  }

  /**
   * Takes nothing new, and waits up to `graceMs` for what is under way. After that the attempts are aborted, and what was
   * certainly not done is handed back.
   */
  async stop(graceMs: number): Promise<void> {
    if (this.#running === undefined || this.#stopped) return;
    this.#stopped = true;
    this.#unlisten?.();
    this.#nudge(false);
    const { clock } = this.#ports.runtime;
    if (this.#underWay.size > 0) {
      const timer = clock.setTimer(() => this.#stopping.abort(new Error("the worker was told to stop and its grace is over")), graceMs);
      await this.#idle();
      clock.clearTimer(timer);
    }
    if (this.#keeper !== undefined) clock.clearTimer(this.#keeper);
    await this.#running;
  }

  /** Operations under way in this process. */
  get busy(): number {
    return this.#underWay.size;
  }

  /** Looks for work now: somebody has enqueued some, or a lane has room again. */
  nudge(): void {
    this.#nudge(true);
  }

  #nudge(stale: boolean): void {
    if (stale) this.#stale = true;
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #idleWaiters: (() => void)[] = [];

  #idle(): Promise<void> {
    if (this.#underWay.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) {
      let restMs: number;
      try {
        restMs = await this.#round();
      } catch (error) {
        this.#ports.failed(error);
        restMs = STORE_PAUSE_MS;
      }
      if (restMs > 0 && !this.#stopped) await this.#rest(restMs);
    }
  }

  /** One round over the lanes. Answers how long to rest: 0 to go on at once. */
  async #round(): Promise<number> {
    const { clock } = this.#ports.runtime;
    if (this.#stale) {
      this.#stale = false;
      this.#backlog = await this.#ports.store.backlog(clock.now());
    }
    const now = clock.now();
    const monotonic = clock.monotonic();
    const plan: { readonly allowance: Allowance; readonly lane: Lane; readonly name: string; readonly reservations: Reservation[] }[] = [];
    let room = this.#options.concurrency - this.#underWay.size;
    let restMs = this.#options.pollMs;
    const lanes = this.#backlog.length;
    this.#turn += 1;
    for (let index = 0; index < lanes && room > 0; index += 1) {
      // Each round starts one lane further on, so that the first of the list is nobody's privilege.
      const backlog = this.#backlog[(index + this.#turn) % lanes] as LaneBacklog;
      if (backlog.nextDueAt !== undefined) restMs = Math.min(restMs, Math.max(1, backlog.nextDueAt - now));
      if (backlog.paused || backlog.due === 0) continue;
      const lane = this.#ports.lane(backlog);
      if (lane === undefined) continue;
      const laneRoom = this.#options.laneConcurrency - (this.#perLane.get(lane.name) ?? 0);
      const wanted = Math.min(room, backlog.due, laneRoom);
      const { reservations, waitMs } = reserve(lane, wanted, monotonic);
      if (reservations.length < wanted) restMs = Math.min(restMs, Math.max(1, waitMs));
      if (reservations.length === 0) continue;
      room -= reservations.length;
      const { api, endpoint, partition } = backlog;
      plan.push({ allowance: { api, endpoint, partition, max: reservations.length }, lane, name: lane.name, reservations });
    }
    if (plan.length === 0) return this.#backlogIsOld(now) ? 1 : restMs;

    const claimed = await this.#claim(
      plan.map(({ allowance }) => allowance),
      plan,
    );
    const given = new Map<string, number>();
    for (const one of claimed) {
      const { api, endpoint, partition } = one.operation;
      const entry = plan.find(
        ({ allowance }) => allowance.endpoint === endpoint && allowance.api === api && allowance.partition === partition,
      );
      const reservation = entry?.reservations.pop();
      if (entry === undefined || reservation === undefined) throw new TypeError("the store gave more than the allowance");
      given.set(entry.name, (given.get(entry.name) ?? 0) + 1);
      this.#begin(one, reservation, entry.lane);
    }
    const after = clock.monotonic();
    let drained = false;
    for (const { lane, name, allowance, reservations } of plan) {
      for (const unused of reservations) lane.giveBack(unused, after);
      if ((given.get(name) ?? 0) < allowance.max) drained = true;
    }
    // What was claimed is not due any more; a lane that gave less than it was asked for needs a fresh look.
    if (drained) this.#stale = true;
    else this.#backlog = this.#backlog.map((lane) => lessDue(lane, claimed));
    return claimed.length > 0 || drained ? 0 : restMs;
  }

  async #claim(
    allowances: readonly Allowance[],
    plan: readonly { readonly lane: Lane; readonly reservations: readonly Reservation[] }[],
  ): Promise<readonly ClaimedOperation[]> {
    const { clock } = this.#ports.runtime;
    const now = clock.now();
    try {
      return await this.#ports.store.claim({ worker: this.#ports.name, allowances, now, leaseUntil: now + this.#options.leaseMs });
    } catch (error) {
      const monotonic = clock.monotonic();
      for (const { lane, reservations } of plan) for (const unused of reservations) lane.giveBack(unused, monotonic);
      throw error;
    }
  }

  /** Rows that were parked may have fallen due since the backlog was read. */
  #backlogIsOld(now: number): boolean {
    const old = this.#backlog.some(({ nextDueAt }) => nextDueAt !== undefined && nextDueAt <= now);
    if (old) this.#stale = true;
    return old;
  }

  #begin(claimed: ClaimedOperation, reservation: Admittee, lane: Lane): void {
    const { name } = lane;
    this.#underWay.set(claimed.operation.id, { claimed, laneName: name });
    this.#perLane.set(name, (this.#perLane.get(name) ?? 0) + 1);
    void this.#carryOut(claimed, reservation, lane);
  }

  async #carryOut(claimed: ClaimedOperation, reservation: Admittee, lane: Lane): Promise<void> {
    const settlement = await this.#ports.execute(claimed, reservation, lane, this.#stopping.signal);
    await this.#write(claimed, settlement);
    const { id } = claimed.operation;
    this.#underWay.delete(id);
    const left = (this.#perLane.get(lane.name) ?? 1) - 1;
    if (left === 0) this.#perLane.delete(lane.name);
    else this.#perLane.set(lane.name, left);
    if (settlement.outcome.state === "parked" || settlement.outcome.state === "ready") this.#stale = true;
    this.#nudge(false);
    if (this.#underWay.size === 0) for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  /** Writes until the store has it: what was done must not be forgotten while this process lives. */
  async #write(claimed: ClaimedOperation, settlement: Settlement): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        const result = await this.#settler.add(settlement);
        this.#ports.settled(claimed, settlement, result);
        return;
      } catch (error) {
        this.#ports.failed(error);
        // A store that is gone for good (closed, broken file) leaves the lease to run out: in doubt, and not lost.
        if (tries >= 20 || this.#stopped) return;
        await this.#pause(STORE_PAUSE_MS);
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#ports.runtime.clock.setTimer(resolve, ms));
  }

  #rest(ms: number): Promise<void> {
    const { clock } = this.#ports.runtime;
    if (this.#stale) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = clock.setTimer(() => {
        this.#stale = true;
        this.#nudge(false);
      }, ms);
      // An idle worker does not keep a program alive that has nothing else to do; one with work under way does, by that work.
      clock.hold?.(timer, false);
      this.#wake = () => {
        clock.clearTimer(timer);
        resolve();
      };
    });
  }

  /** Extends the leases of what is under way, and takes back those of vanished workers. */
  #keep(): void {
    const { clock } = this.#ports.runtime;
    this.#keeper = clock.setTimer(() => {
      void this.#keepLeases().finally(() => {
        if (!this.#stopped || this.#underWay.size > 0) this.#keep();
      });
    }, this.#options.leaseMs / 3);
    clock.hold?.(this.#keeper, false);
  }

  async #keepLeases(): Promise<void> {
    const { store, runtime } = this.#ports;
    try {
      const leaseUntil = runtime.clock.now() + this.#options.leaseMs;
      const leases = [...this.#underWay.values()].map(({ claimed }) => ({ id: claimed.operation.id, claim: claimed.claim, leaseUntil }));
      if (leases.length > 0) await store.extend(leases);
      if (!this.#stopped) await this.#reap();
    } catch (error) {
      this.#ports.failed(error);
    }
  }

  async #reap(): Promise<void> {
    const { store, runtime, name } = this.#ports;
    const now = runtime.clock.now();
    const { returned, poisoned } = await store.reap({
      worker: name,
      now,
      leaseUntil: now + this.#options.leaseMs,
      poisonAfter: this.#options.poisonAfter,
      limit: 1_000,
    });
    await Promise.all(poisoned.map(async (claimed) => this.#write(claimed, await this.#ports.poison(claimed))));
    if (returned > 0) this.#nudge(true);
  }
}

/** Takes up to `wanted` admissions of a lane; where it gives fewer, how long until the next. */
function reserve(lane: Lane, wanted: number, now: number): { readonly reservations: Reservation[]; readonly waitMs: number } {
  const reservations: Reservation[] = [];
  while (reservations.length < wanted) {
    const reservation = new Reservation();
    const waitMs = lane.tryAdmit(reservation, now);
    if (waitMs > 0) return { reservations, waitMs };
    reservations.push(reservation);
  }
  return { reservations, waitMs: Number.POSITIVE_INFINITY };
}

function lessDue(lane: LaneBacklog, claimed: readonly ClaimedOperation[]): LaneBacklog {
  let taken = 0;
  for (const { operation } of claimed) {
    if (operation.endpoint === lane.endpoint && operation.api === lane.api && operation.partition === lane.partition) taken += 1;
  }
  return taken === 0 ? lane : { ...lane, due: Math.max(0, lane.due - taken) };
}
