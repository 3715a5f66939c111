import type { Lane } from "../engine/lane.ts";
import { scopes, type Runtime } from "../engine/runtime.ts";
import { sleep } from "../ports/clock.ts";
import type { Fenced } from "../ports/idempotency-store.ts";
import type { Allowance, ClaimedOperation, LaneKey, NewOperation, OperationStore, Settlement } from "../ports/operation-store.ts";
import { takeAdmissions, type Admission, type Place } from "./admission.ts";
import { HeldOperation } from "./held-operation.ts";
import { handBackUnknown, handedBack, putOff } from "./hand-back.ts";
import { KnownBacklog, laneText, type KnownLane } from "./known-backlog.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { Settler } from "./settler.ts";
import { storePauseMs } from "./store-pause.ts";
import { UnderWay } from "./under-way.ts";
import { within } from "./within.ts";
import type { ResolvedWorkerOptions } from "../engine/worker-options.ts";

/** How the worker reaches the rest: it knows queues and lanes, not HTTP. */
export interface WorkerPorts {
  readonly store: OperationStore;
  readonly runtime: Runtime;
  /** Names this process in leases. */
  readonly name: string;
  /** The lane of an operation; undefined for an API that is not defined here: another process may know it. */
  place(key: LaneKey): Place | undefined;
  /**
   * Carries out one admitted operation as far as it goes now: settles or gives back the admission, and answers what to write
   * down. Undefined: nothing may be written, and the lease is to run out. `signal` aborts when the worker's grace is over.
   */
  execute(held: HeldOperation, admission: Admission, signal: AbortSignal): Promise<Settlement | undefined>;
  /** What to write for an operation whose holders keep vanishing. */
  poison(claimed: ClaimedOperation): Promise<Settlement>;
  /** Told after a settlement was written. */
  settled(claimed: ClaimedOperation, settlement: Settlement, result: Fenced): void;
  /** Told of a store that does not answer, or of a fault of our own; the worker goes on. */
  failed(error: unknown): void;
}

/** What is asked of one lane in a round. */
interface Ask {
  readonly known: KnownLane;
  readonly place: Place;
  readonly admissions: Admission[];
}

interface Claimed {
  readonly held: HeldOperation;
  readonly ask: Ask;
}

interface Plan {
  readonly asks: readonly Ask[];
  /** How long nothing will change by itself. */
  readonly restMs: number;
}

/** So many operations of a lane may always be under way, whatever the others take: four lanes that hang hold up no fifth. */
const ALWAYS_OF_A_LANE = 4;
/** A lane holds at most so many times what it may carry out: what is not written down yet must not pile up. */
const UNWRITTEN = 2;
/** While there is enough to do, what other processes may have added is looked for no more often than this. */
const READ_EVERY_MS = 100;
/** Nor more often than this when there is nothing to do, however often somebody nudges. */
const LEAST_BETWEEN_READS_MS = 5;
/** Steps of promises between the store and who enqueues, and some more. */
const MICROTASK_TURNS = 20;
/** A permit that somebody else's call holds comes back without a word to us. */
const LOOK_FOR_PERMITS_MS = 25;
/** Claims that find nothing, although the backlog says otherwise, are not repeated at once. */
const AFTER_EMPTY_CLAIM_MS = 5;
/** Time for the last writes after the attempts were aborted. */
const LAST_WRITES_MS = 5_000;

/**
 * The durable worker.
 *
 * It goes round the lanes that have due work. Of each lane it first takes admissions, as many as the lane's permits, breaker, ramp
 * and rate tokens give, then claims no more operations than it holds admissions for, and gives back what it did not need. So
 * nothing is claimed that may not go: a dead API's backlog stays in its rows and costs nobody anything, and its breaker's
 * probes are real operations.
 *
 * An operation under way is held by a lease, extended while it lasts. Every settle shows the claim that it was made under;
 * a worker that was stopped past its lease sends nothing more and changes nothing. Leases of vanished workers are taken back; an
 * operation that saw three holders vanish is poison.
 *
 * It rests when no lane has both work and room, until work is told of, a parked row falls due, a token is free, or the
 * poll interval is over. A store that fails is left alone for a while and asked again.
 */
export class Worker {
  readonly #options: ResolvedWorkerOptions;
  readonly #ports: WorkerPorts;
  readonly #settler: Settler;
  readonly #keeper: LeaseKeeper;
  readonly #known = new KnownBacklog();
  readonly #underWay = new UnderWay();
  /** Aborts what is under way when the grace is over. */
  readonly #graceOver = new AbortController();
  /** Ends every wait of the loop. */
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined = undefined;
  #stopping: Promise<void> | undefined = undefined;
  #unlisten: (() => void) | undefined = undefined;
  /** Ends the rest. */
  #wake: (() => void) | undefined = undefined;
  /** Somebody nudged while the loop was not resting. */
  #nudged = false;
  #reading: Promise<void> | undefined = undefined;
  #keepsAlive = false;
  #emptyClaims = 0;
  /** A claim failed, perhaps after it was done: operations may be leased to us that we know nothing of. */
  #claimsInDoubt = false;

  constructor(options: ResolvedWorkerOptions, ports: WorkerPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#settler = new Settler(ports.store, ports.runtime, (error) => ports.failed(error));
    this.#keeper = new LeaseKeeper({
      store: ports.store,
      runtime: ports.runtime,
      worker: ports.name,
      leaseMs: options.leaseMs,
      poisonAfter: options.poisonAfter,
      held: () => this.#underWay,
      returned: () => this.#lookAgain(),
      poisoned: async (claimed) => await this.#settle(claimed, await ports.poison(claimed)),
      failed: (error) => ports.failed(error),
    });
  }

  /**
   * Begins to work; a second call does not begin again. An idle worker keeps its process alive only if somebody asks for that:
   * a program that has enqueued its work may end, one that is a worker should not.
   */
  start(keepsAlive: boolean = false): void {
    if (this.#stopping !== undefined) return;
    if (keepsAlive && !this.#keepsAlive) {
      this.#keepsAlive = true;
      this.#nudge();
    }
    if (this.#running !== undefined) return;
    // Who enqueues first may stand in a task or a call. Its deadline and its budget are not those of all operations after it.
    scopes.run(undefined, () => {
      this.#unlisten = this.#ports.store.onWork(() => this.#lookAgain());
      this.#keeper.start();
      this.#running = this.#loop();
    });
  }

  /**
   * Takes nothing new, and waits up to `graceMs` for what is under way. After that the attempts are aborted, and what may be sent
   * again is handed back. A store that does not take the last writes in time is left: the leases run out.
   */
  stop(graceMs: number): Promise<void> {
    return (this.#stopping ??= this.#end(graceMs));
  }

  /** Operations under way in this process. */
  get busy(): number {
    return this.#underWay.busy;
  }

  /** This process has put an operation into the queue. */
  enqueued(lane: LaneKey, dueAt: number): void {
    this.#known.added(lane, dueAt, this.#ports.runtime.clock.now());
    this.#nudge();
  }

  /**
   * Operations are on their way into a store that does things in order: they are claimed with the same commit that keeps them. Where
   * that fails there is a claim that finds nothing.
   */
  coming(operations: readonly NewOperation[]): void {
    const now = this.#ports.runtime.clock.now();
    for (const operation of operations) this.#known.added(operation, operation.dueAt, now);
    this.#nudge();
  }

  /** Looks for work now: a lane has been resumed, for instance. */
  nudge(): void {
    this.#lookAgain();
  }

  #lookAgain(): void {
    this.#known.stale = true;
    this.#nudge();
  }

  #nudge(): void {
    this.#nudged = true;
    this.#wake?.();
  }

  async #end(graceMs: number): Promise<void> {
    if (this.#running === undefined) return;
    const { clock } = this.#ports.runtime;
    this.#stop.abort();
    this.#unlisten?.();
    this.#keeper.extendOnly();
    const ended = this.#running.then(() => this.#underWay.empty());
    if (!(await within(clock, ended, graceMs))) {
      this.#graceOver.abort(new Error("the worker was told to stop, and its grace is over"));
      if (!(await within(clock, ended, LAST_WRITES_MS))) {
        this.#settler.giveUp();
        await within(clock, ended, LAST_WRITES_MS);
      }
    }
    this.#keeper.stop();
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted;) {
      try {
        const restMs = await this.#round();
        failures = 0;
        if (restMs > 0 && !signal.aborted) await this.#rest(restMs);
      } catch (error) {
        this.#ports.failed(error);
        // Not to be cut short by a nudge: that would ask a store in trouble once for each enqueue.
        await sleep(this.#ports.runtime.clock, storePauseMs(failures), signal).catch(() => undefined);
        failures += 1;
      }
    }
  }

  /** One round over the lanes. Answers how long to rest: 0 to go on at once. */
  async #round(): Promise<number> {
    const { clock } = this.#ports.runtime;
    const known = this.#known;
    this.#nudged = false;
    if (this.#claimsInDoubt) await this.#handBackUnknown();
    const age = clock.monotonic() - known.readAt;
    const old = age >= this.#options.pollMs;
    let plan = this.#plan();
    if (plan.asks.length > 0) {
      // What is known to be due does not wait for news.
      if (old || (known.stale && age >= READ_EVERY_MS)) this.#readBeside();
    } else if (known.stale || old) {
      const tooSoonMs = LEAST_BETWEEN_READS_MS - age;
      if (tooSoonMs > 0) return Math.min(tooSoonMs, plan.restMs);
      if (!(await this.#readUnlessNudged())) return 0;
      plan = this.#plan();
    }
    if (plan.asks.length === 0) return plan.restMs;
    const claimed = await this.#claim(plan.asks);
    if (claimed > 0) {
      this.#emptyClaims = 0;
      return 0;
    }
    this.#emptyClaims += 1;
    return Math.min(plan.restMs, AFTER_EMPTY_CLAIM_MS * 2 ** Math.min(this.#emptyClaims, 12));
  }

  /**
   * Hands back what is leased to us and not under way. Nothing of it was sent, which only we know: left to run out, its lease would
   * make it look as if a worker had vanished with it.
   */
  async #handBackUnknown(): Promise<void> {
    const { store, name, runtime } = this.#ports;
    const ours = new Set([...this.#underWay].map(({ claimed }) => claimed.operation.id));
    await handBackUnknown(store, name, ours, runtime.clock);
    this.#claimsInDoubt = false;
    this.#known.stale = true;
  }

  /** Reads the backlog, once at a time. */
  #read(): Promise<void> {
    const { store, runtime } = this.#ports;
    return (this.#reading ??= this.#known
      .read(
        () => store.backlog(runtime.clock.now()),
        () => runtime.clock.monotonic(),
      )
      .finally(() => {
        this.#reading = undefined;
      }));
  }

  /** Reads the backlog while the loop goes on, and has it look at what that says. */
  #readBeside(): void {
    this.#read().then(
      () => this.#nudge(),
      (error: unknown) => this.#ports.failed(error),
    );
  }

  /**
   * Reads the backlog, and leaves off waiting for it when somebody nudges: what this process has just enqueued may go at once.
   * Answers whether it was read.
   */
  async #readUnlessNudged(): Promise<boolean> {
    // The store tells of a write before whoever asked for it can say what it was: that comes in a moment, and needs no reading.
    for (let turns = 0; turns < MICROTASK_TURNS; turns += 1) {
      await Promise.resolve();
      if (this.#nudged) return false;
    }
    const read = this.#read();
    const came = await new Promise<boolean>((resolve, reject) => {
      this.#wake = () => resolve(false);
      read.then(() => resolve(true), reject);
      if (this.#nudged) resolve(false);
    });
    this.#wake = undefined;
    if (!came) this.#readBeside();
    return came;
  }

  /** Takes admissions for all that is due and may go. */
  #plan(): Plan {
    const { clock } = this.#ports.runtime;
    const { concurrency, laneConcurrency, pollMs } = this.#options;
    const now = clock.now();
    const monotonic = clock.monotonic();
    const asks: Ask[] = [];
    const planned = new Map<Lane, number>();
    let free = concurrency - this.#underWay.busy;
    let restMs = Math.max(1, this.#known.readAt + pollMs - monotonic);
    for (const known of this.#known.inTurn(now)) {
      restMs = Math.min(restMs, Math.max(1, known.nextDueAt - now));
      if (known.paused || known.due === 0) continue;
      const place = this.#ports.place(known.key);
      if (place === undefined) continue;
      // Lanes of the store may share one of the engine, where an API has more of them than are kept apart.
      const more = planned.get(place.lane) ?? 0;
      const own = this.#underWay.busyOf(place.lane) + more;
      const unwritten = UNWRITTEN * laneConcurrency - this.#underWay.heldOf(place.lane) - more;
      const wanted = Math.min(known.due, laneConcurrency - own, unwritten, Math.max(free, ALWAYS_OF_A_LANE - own));
      if (wanted <= 0) continue;
      const { admissions, waitMs } = takeAdmissions(place, wanted, monotonic);
      if (admissions.length < wanted)
        restMs = Math.min(restMs, Math.max(1, waitMs === Number.POSITIVE_INFINITY ? LOOK_FOR_PERMITS_MS : waitMs));
      if (admissions.length === 0) continue;
      free -= admissions.length;
      planned.set(place.lane, more + admissions.length);
      asks.push({ known, place, admissions });
    }
    return { asks, restMs };
  }

  /** Claims what there are admissions for and begins with it. Answers how many. */
  async #claim(asks: readonly Ask[]): Promise<number> {
    const { store, name, runtime } = this.#ports;
    const { clock } = runtime;
    const { leaseMs } = this.#options;
    const { readings } = this.#known;
    const now = clock.now();
    const leaseUntil = now + leaseMs;
    const leaseEndsAt = clock.monotonic() + leaseMs;
    const allowances: readonly Allowance[] = asks.map(({ known, admissions }) => ({ ...known.key, max: admissions.length }));
    try {
      const claimed = await store.claim({ worker: name, allowances, now, leaseUntil });
      const byLane = new Map(asks.map((ask) => [laneText(ask.known.key), ask]));
      const counts = new Map<Ask, number>();
      const lastChances: Claimed[] = [];
      for (const one of claimed) {
        const ask = byLane.get(laneText(one.operation));
        if (ask === undefined) throw new TypeError("the store gave an operation of a lane that it was not asked for");
        counts.set(ask, (counts.get(ask) ?? 0) + 1);
        const held = new HeldOperation(one, ask.place.lane, clock, leaseUntil, leaseEndsAt);
        if (one.vanished > 0 && one.vanished >= this.#options.poisonAfter - 1) lastChances.push({ held, ask });
        else this.#begin({ held, ask });
      }
      this.#giveLastChances(lastChances);
      for (const [index, ask] of asks.entries()) {
        const { max } = allowances[index] as Allowance;
        const count = counts.get(ask) ?? 0;
        this.#known.claimed(ask.known.key, count, count < max, readings);
      }
      return claimed.length;
    } catch (error) {
      this.#claimsInDoubt = true;
      throw error;
    } finally {
      const monotonic = clock.monotonic();
      for (const { place, admissions } of asks) for (const unused of admissions) place.lane.giveBack(unused, monotonic);
    }
  }

  /**
   * An operation that has seen so many holders vanish that it is poison at the next may be what made them vanish, or have stood
   * beside it. So its last chance is one for itself: of a claim one is carried out, once the others are safely put off.
   */
  #giveLastChances(claimed: readonly Claimed[]): void {
    const [first, ...others] = this.#underWay.hasLastChance ? [undefined, ...claimed] : claimed;
    const parked = Promise.all(
      others.flatMap((one, index) =>
        one === undefined
          ? []
          : [this.#carryOut(one.held, async () => putOff(one.held.claimed, index + 1, this.#ports.runtime.clock.now()))],
      ),
    );
    if (first !== undefined) this.#begin(first, parked);
  }

  /** Carries out what was claimed, `after` something; hands it back where we have been told to stop meanwhile. */
  #begin({ held, ask }: Claimed, after?: Promise<unknown>): void {
    const { clock } = this.#ports.runtime;
    const admission = this.#stop.signal.aborted ? undefined : ask.admissions.pop();
    void this.#carryOut(
      held,
      async () => {
        if (admission === undefined) return handedBack(held.claimed, clock.now());
        await after;
        return await this.#ports.execute(held, admission, this.#graceOver.signal);
      },
      after !== undefined,
    );
  }

  async #carryOut(held: HeldOperation, work: () => Promise<Settlement | undefined>, lastChance: boolean = false): Promise<void> {
    this.#underWay.add(held, lastChance);
    try {
      const settlement = await work();
      this.#underWay.carriedOut(held);
      this.#nudge();
      if (settlement !== undefined) await this.#settle(held.claimed, settlement);
    } catch (error) {
      // A fault of our own. What was sent, if anything, is in doubt once the lease is over.
      this.#ports.failed(error);
    } finally {
      this.#underWay.delete(held);
      this.#nudge();
    }
  }

  async #settle(claimed: ClaimedOperation, settlement: Settlement): Promise<void> {
    const result = await this.#settler.write(settlement);
    if (result === undefined) return;
    const { outcome } = settlement;
    if (result === "applied" && (outcome.state === "parked" || outcome.state === "ready")) {
      const { clock } = this.#ports.runtime;
      this.#known.added(claimed.operation, outcome.state === "parked" ? outcome.until : clock.now(), clock.now());
    }
    this.#ports.settled(claimed, settlement, result);
  }

  async #rest(ms: number): Promise<void> {
    if (this.#nudged) return;
    const { clock } = this.#ports.runtime;
    const { signal } = this.#stop;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clock.clearTimer(timer);
        signal.removeEventListener("abort", end);
        this.#wake = undefined;
        resolve();
      };
      const timer = clock.setTimer(end, ms);
      // A breath between two steps is no idleness.
      if (!this.#keepsAlive && ms > LOOK_FOR_PERMITS_MS) clock.hold?.(timer, false);
      signal.addEventListener("abort", end, { once: true });
      this.#wake = end;
    });
  }
}
