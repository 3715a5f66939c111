import { memory } from "../../src/adapters/store/memory/index.ts";
import type { ApiOptions } from "../../src/api/api-options.ts";
import type { OperationStore } from "../../src/ports/operation-store.ts";
import type { StoreFactory } from "../../src/ports/store.ts";
import { manualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import { seededRandom } from "../../src/testing/seeded-random.ts";
import { bench, CRM, type Bench, type Sent } from "./bench.ts";

/** How the other side treats repetition. */
export type Kind = "keyed" | "blind" | "reconcile";

export interface WorldOptions {
  readonly kind: Kind;
  readonly seed: number;
  /** A fault built in on purpose, to see that the check finds it. */
  readonly broken?: (store: OperationStore) => OperationStore;
  /** Says that an operation was accepted before it is so. */
  readonly acknowledgeEarly?: boolean;
}

/** What was found at the end. */
export interface Findings {
  readonly accepted: number;
  readonly succeeded: number;
  readonly inDoubt: number;
  readonly died: number;
  /** Processes that were killed, and that were stopped for a while. */
  readonly killed: number;
  readonly stopped: number;
  /** Acknowledged, and neither done nor a dead letter; or called done without an effect. */
  readonly lost: readonly string[];
  /** More than one effect. */
  readonly doubled: readonly string[];
  /** Sent again although nobody could know. */
  readonly repeated: readonly string[];
  /** In two states at once, a dead letter that says what is not so, or a history that two holders have written. */
  readonly wrong: readonly string[];
}

const OPERATIONS = 60;
const API = "crm";

/** The other side: a bad day, and a ledger of what it really did. */
class OtherSide {
  readonly effects = new Map<string, number>();
  readonly attempts = new Map<string, number>();
  /** Subjects whose last request was neither answered nor certainly without effect. */
  readonly lastUnknown = new Set<string>();
  readonly repeated = new Set<string>();
  well = false;
  readonly #random: () => number;
  readonly #kind: Kind;
  readonly #clock: ManualClock;

  constructor(kind: Kind, random: () => number, clock: ManualClock) {
    this.#kind = kind;
    this.#random = random;
    this.#clock = clock;
  }

  /** Answers one request; `alive` tells whether the one who sent it still is. */
  async answer(request: Sent, alive: () => boolean): Promise<Response> {
    const subject = String(request.body);
    const mark = this.#kind === "keyed" ? (request.key ?? "") : subject;
    this.attempts.set(subject, (this.attempts.get(subject) ?? 0) + 1);
    if (this.#kind === "blind" && this.lastUnknown.has(subject)) this.repeated.add(subject);
    const fate = this.well ? 1 : this.#random();
    const seen = this.#kind === "keyed" && this.#marks.has(mark);
    const takeEffect = (): void => {
      if (!seen) this.effects.set(subject, (this.effects.get(subject) ?? 0) + 1);
      this.#marks.add(mark);
    };
    const certain = fate < 0.15;
    if (!certain) this.lastUnknown.add(subject);
    if (certain) {
      if (fate < 0.1) return Response.json({}, { status: 429 });
      if (subject.endsWith("7") && !seen) return Response.json({ message: "no such field" }, { status: 422 });
      return Response.json({}, { status: 429 });
    }
    if (fate < 0.25) return Response.json({}, { status: 500 });
    takeEffect();
    await this.#pause(fate < 0.5 ? this.#random() * 9_000 : this.#random() * 200);
    if (!alive()) return await new Promise(() => undefined);
    if (fate < 0.35) throw new TypeError("fetch failed", { cause: { code: "ECONNRESET" } });
    this.lastUnknown.delete(subject);
    return Response.json({ subject }, { status: 201 });
  }

  readonly #marks = new Set<string>();

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.setTimer(resolve, ms));
  }
}

/** A process: it can be killed at any step, or stopped for a while. */
class Process {
  readonly bench: Bench;
  readonly life: Life;

  constructor(test: Bench, life: Life) {
    this.bench = test;
    this.life = life;
  }
}

class Life {
  dead = false;
  #thaw: PromiseWithResolvers<void> | undefined = undefined;
  readonly #random: () => number;
  readonly #calm: () => boolean;
  readonly #onDeath: () => void;

  constructor(random: () => number, calm: () => boolean, onDeath: () => void) {
    this.#random = random;
    this.#calm = calm;
    this.#onDeath = onDeath;
  }

  /** One step of the process; it may be its last. */
  async step(): Promise<void> {
    if (!this.dead && !this.#calm() && this.#random() < 0.006) {
      this.dead = true;
      this.#onDeath();
    }
    if (this.dead) await new Promise(() => undefined);
    await this.#thaw?.promise;
    if (this.dead) await new Promise(() => undefined);
  }

  stop(): void {
    this.#thaw ??= Promise.withResolvers();
  }

  goOn(): void {
    this.#thaw?.resolve();
    this.#thaw = undefined;
  }

  readonly between = (store: OperationStore): OperationStore => {
    const wrapped: Record<string, unknown> = { ...store };
    for (const [name, verb] of Object.entries(store) as [string, (...args: unknown[]) => unknown][]) {
      if (name === "onWork") continue;
      wrapped[name] = async (...args: unknown[]): Promise<unknown> => {
        await this.step();
        const result = await verb(...args);
        await this.step();
        return result;
      };
    }
    return wrapped as unknown as OperationStore;
  };
}

/** Runs a queue through kills, stops and a bad day, drains it, and holds it to the ledger. */
export async function runWorld({ kind, seed, broken, acknowledgeEarly = false }: WorldOptions): Promise<Findings> {
  const clock = manualClock();
  const random = seededRandom(seed);
  const store = memory();
  const other = new OtherSide(kind, random, clock);
  let calm = false;
  let killed = 0;
  let stopped = 0;
  const processes: Process[] = [];
  const start = async (): Promise<void> => {
    const life = new Life(
      random,
      () => calm,
      () => (killed += 1),
    );
    const test = await bench({
      clock,
      store,
      apis: { [API]: apiOf(kind, other) },
      seed: Math.floor(random() * 1e9),
      // Killing takes away chances to be tried, not operations: how many holders may vanish is another test's affair.
      worker: { lease: "5s", poisonAfter: 1_000, pollEvery: "1s", laneConcurrency: 8 },
      between: (operations) => life.between(broken === undefined ? operations : broken(operations)),
      answer: async (request) => {
        await life.step();
        const response = await other.answer(request, () => !life.dead);
        await life.step();
        return response;
      },
    });
    test.hf.work();
    processes.push(new Process(test, life));
  };

  const accepted = new Map<string, string>();
  await start();
  await start();
  const pending: Promise<void>[] = [];
  for (let number = 0; number < OPERATIONS; number += 1) {
    const subject = `subject-${number}`;
    const process = processes[Math.floor(random() * processes.length)] as Process;
    if (acknowledgeEarly) accepted.set(subject, "");
    pending.push(
      process.bench.hf.enqueue(API, "POST /contacts", { json: subject, key: subject }).then(
        ({ id }) => void accepted.set(subject, id),
        () => undefined,
      ),
    );
    await live();
  }
  for (let round = 0; round < 60; round += 1) await live();
  calm = true;
  other.well = true;
  for (const { life } of processes) life.goOn();
  const last = await bench({
    clock,
    store,
    apis: { [API]: apiOf(kind, other) },
    worker: { lease: "5s", poisonAfter: 1_000 },
    answer: (request) => other.answer(request, () => true),
  });
  last.hf.work();
  await last.until(async () => {
    const { ready, leased, parked } = await last.hf.operations.stats();
    return ready + leased + parked === 0;
  }, 86_400_000);
  return await findings(store, last, accepted, other, { killed, stopped });

  /** A stretch of life: time passes, a process may be stopped or go on, and who was killed is replaced. */
  async function live(): Promise<void> {
    await clock.advance(Math.floor(random() * 1_500));
    for (const [index, { life }] of processes.entries()) {
      if (life.dead) {
        processes.splice(index, 1);
        await start();
        return;
      }
      if (random() < 0.03) {
        life.stop();
        stopped += 1;
        clock.setTimer(() => life.goOn(), random() * 15_000);
      }
    }
  }
}

function apiOf(kind: Kind, other: OtherSide): ApiOptions {
  const base: ApiOptions = {
    ...CRM,
    retryBudget: false,
    timeout: { attempt: "6s" },
    retry: { maxAttempts: 100, backoff: { base: "500ms", cap: "4s" } },
  };
  if (kind === "keyed") return { ...base, idempotency: {} };
  if (kind === "blind") return base;
  const reconcile = async ({ body }: { readonly body: string | undefined }) => {
    const subject = String(JSON.parse(body ?? '""'));
    return (other.effects.get(subject) ?? 0) > 0 ? ({ happened: true } as const) : ({ happened: false } as const);
  };
  return { ...base, endpoints: { "POST /contacts": { reconcile } } };
}

async function findings(
  store: StoreFactory,
  last: Bench,
  accepted: ReadonlyMap<string, string>,
  other: OtherSide,
  counts: { readonly killed: number; readonly stopped: number },
): Promise<Findings> {
  const { operations } = await store();
  const lost: string[] = [];
  const wrong: string[] = [];
  const found = { succeeded: 0, inDoubt: 0, died: 0 };
  for (const [subject, id] of accepted) {
    const view = await operations?.get(id);
    const effects = other.effects.get(subject) ?? 0;
    const numbers = view?.attempts.map(({ attempt }) => attempt) ?? [];
    if (numbers.some((number, index) => number !== index + 1)) wrong.push(`${subject}: its attempts are ${numbers.join(", ")}`);
    const letter = (await last.hf.deadLetters.list({ ids: [id] })).items[0];
    if (letter !== undefined && letter.attempts.length !== numbers.length) wrong.push(`${subject}: its dead letter tells another story`);
    if (view?.state === "succeeded") {
      found.succeeded += 1;
      if (effects === 0) lost.push(`${subject}: called done, and the other side knows nothing of it`);
      if (letter !== undefined) wrong.push(`${subject}: done, and a dead letter too`);
    } else if (view?.state === "dead" && letter !== undefined) {
      if (letter.reason === "outcome-unknown") found.inDoubt += 1;
      else {
        found.died += 1;
        if (effects > 0) wrong.push(`${subject}: dead as ${letter.reason}, and it happened`);
      }
    } else {
      lost.push(`${subject}: ${view?.state ?? "nowhere"}`);
    }
  }
  return {
    accepted: accepted.size,
    ...found,
    ...counts,
    lost,
    wrong,
    doubled: [...other.effects].filter(([, count]) => count > 1).map(([subject]) => subject),
    repeated: [...other.repeated],
  };
}
