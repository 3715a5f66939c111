import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { seededRandom } from "../../../src/testing/seeded-random.ts";
import { openStore, type Backend } from "./backend.ts";
import { check, type Findings } from "./check.ts";
import type { Broken, Kind, Subject } from "./orders.ts";
import { otherSide } from "./other-side.ts";
import type { CrashPoint } from "./points.ts";
import { Worker } from "./worker.ts";

/** What is done to a worker in one of its lives. */
export type Disruption =
  | { readonly type: "kill"; readonly afterMs: number }
  | { readonly type: "point"; readonly point: CrashPoint; readonly nth: number }
  /** SIGSTOP for longer than its lease, then SIGCONT. */
  | { readonly type: "stop"; readonly afterMs: number; readonly forMs: number }
  /** SIGTERM: it hands back what it holds. */
  | { readonly type: "term"; readonly afterMs: number };

export interface RunOptions {
  readonly backend: Backend;
  readonly seed: number;
  /** Of each kind. */
  readonly operations: number;
  readonly kinds?: readonly Kind[];
  /** Processes that work at the same time. */
  readonly workers: number;
  readonly broken?: Broken;
}

export interface Run extends Findings {
  /** Disruptions that met a living worker. */
  readonly met: readonly Disruption[];
  readonly requests: number;
}

/** A queue that should have drained by now has something that is not done and not given up. */
const DRAIN_MS = 180_000;

/**
 * One queue from its first operation to its last: workers are started over one store, disrupted one life after the other, and
 * started again until the queue is empty. What a life did not get accepted is enqueued again by the next, as a client would do it.
 * Takes disruptions off `left` as it goes; those that came too late stay there.
 */
export async function run(
  { backend, seed, operations, kinds = ["keyed", "blind", "asked"], workers, broken }: RunOptions,
  left: Disruption[],
): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-crash-ledger-"));
  const api = await otherSide(seed, join(folder, "ledger.jsonl"));
  const { address, dispose } = await backend.create();
  const random = seededRandom(seed);
  const subjects: Subject[] = kinds.flatMap((kind) =>
    Array.from({ length: operations }, (_, index) => ({ kind, subject: `${index % 40 === 39 ? "bad" : "ok"}-${kind}-${index}` })),
  );
  subjects.sort(() => random() - 0.5);
  const accepted = new Set<string>();
  const met: Disruption[] = [];
  const start = (share: number, disruption: Disruption | undefined): Worker =>
    new Worker({
      store: address,
      api: api.url,
      subjects: subjects.filter(({ subject }, index) => index % workers === share && !accepted.has(subject)),
      ...(disruption?.type === "point" ? { crash: { point: disruption.point, nth: disruption.nth, signal: "SIGKILL" } } : {}),
      ...(broken === undefined ? {} : { broken }),
    });
  try {
    const shares = Array.from({ length: workers }, (_, share) => live(share));
    const late = new AbortController();
    const tooLate = wait(DRAIN_MS + 3_000 * left.length, undefined, { signal: late.signal }).then(
      async () => {
        const { operations } = await openStore(address)();
        const left = JSON.stringify({ stats: await operations?.stats(), backlog: await operations?.backlog(Date.now()) });
        throw new Error(`the queue of run ${seed} did not drain: ${left}`);
      },
      () => undefined,
    );
    await Promise.race([Promise.all(shares), tooLate]);
    late.abort();
    const findings = await check(openStore(address), subjects, accepted, api.ledger);
    return { ...findings, met, requests: api.ledger.summary().requests };
  } finally {
    await api.close();
    await dispose();
    rmSync(folder, { recursive: true, force: true });
  }

  /** The lives of one worker, one after the other. */
  async function live(share: number): Promise<void> {
    for (;;) {
      const disruption = left.shift();
      const worker = start(share, disruption);
      await worker.ready;
      const hit = disruption === undefined ? false : await disrupt(worker, disruption);
      await worker.ended;
      for (const subject of worker.accepted) accepted.add(subject);
      if (disruption !== undefined) {
        if (hit) met.push(disruption);
        else left.push(disruption);
      }
      if (worker.drained) return;
    }
  }
}

/** Does to a worker what is planned for it; answers whether it was alive to meet it. */
async function disrupt(worker: Worker, disruption: Disruption): Promise<boolean> {
  if (disruption.type === "point") {
    await worker.atPoint;
    return worker.point === disruption.point;
  }
  await Promise.race([wait(disruption.afterMs), worker.ended]);
  if (worker.drained) return false;
  switch (disruption.type) {
    case "kill":
      worker.signal("SIGKILL");
      return true;
    case "term":
      worker.signal("SIGTERM");
      return true;
    case "stop":
      worker.signal("SIGSTOP");
      await wait(disruption.forMs);
      worker.signal("SIGCONT");
      return true;
  }
}
