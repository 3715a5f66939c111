import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { FlakyApi } from "../../../src/testing/flaky-api/flaky-api.ts";
import type { RuleScript } from "../../../src/testing/flaky-api/script.ts";
import { openStore, type Backend } from "./backend.ts";
import { check, type Findings } from "./check.ts";
import type { Broken, StoreAddress, Subject } from "./orders.ts";
import { otherSide } from "./other-side.ts";
import { Worker } from "./worker.ts";

interface Stage {
  readonly address: StoreAddress;
  readonly api: FlakyApi;
  found(subjects: readonly Subject[]): Promise<Findings>;
}

async function onStage<Result>(backend: Backend, rules: readonly RuleScript[], scene: (stage: Stage) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-crash-ledger-"));
  const api = await otherSide(1, join(folder, "ledger.jsonl"), rules);
  const { address, dispose } = await backend.create();
  try {
    const accepted = (subjects: readonly Subject[]): Set<string> => new Set(subjects.map(({ subject }) => subject));
    return await scene({ address, api, found: (subjects) => check(openStore(address), subjects, accepted(subjects), api.ledger) });
  } finally {
    await api.close();
    await dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * A worker is stopped between an answer and its settle, for longer than its lease; another takes the operation over and is in
 * mid-attempt when the first wakes up and settles. Fenced, that changes nothing.
 */
export async function stoppedPastItsLease(backend: Backend, broken?: Broken): Promise<Findings> {
  const where = { "body.subject": "fenced" };
  const rules: readonly RuleScript[] = [
    { when: { where, nth: 1 }, then: { status: 422, json: { message: "not yet" } } },
    { when: { where }, then: { delay: "600ms" } },
  ];
  return await onStage(backend, rules, async ({ address, api, found }) => {
    const subjects: readonly Subject[] = [{ kind: "keyed", subject: "fenced" }];
    const common = { store: address, api: api.url, ...(broken === undefined ? {} : { broken }) };
    const stopped = new Worker({ ...common, subjects, crash: { point: "settle:before", nth: 1, signal: "SIGSTOP", subject: "fenced" } });
    await stopped.atPoint;
    const other = new Worker({ ...common, subjects: [] });
    const requests = (): number => api.ledger.attempts("POST /enrolments").get("fenced") ?? 0;
    while (requests() < 2) await Promise.race([wait(5), other.ended.then(() => Promise.reject(new Error("nobody took it over")))]);
    stopped.signal("SIGCONT");
    await Promise.all([stopped.ended, other.ended]);
    return await found(subjects);
  });
}

/** An operation that kills whoever touches it. After three workers it is a dead letter, and all others are done. */
export async function poisoned(backend: Backend): Promise<Findings & { readonly lives: number; readonly reason: string | undefined }> {
  return await onStage(backend, [], async ({ address, api, found }) => {
    const subjects: readonly Subject[] = Array.from({ length: 20 }, (_, index) => ({ kind: "keyed", subject: `ok-${index}` }));
    const poison = "ok-7";
    let lives = 0;
    for (let drained = false; !drained;) {
      lives += 1;
      const worker = new Worker({
        store: address,
        api: api.url,
        subjects: lives === 1 ? subjects : [],
        poisonAfter: 3,
        // Once all is accepted; the settle of others then comes before it, most often.
        crash: { point: "send:before", nth: 1, signal: "SIGKILL", subject: `"${poison}"` },
      });
      await worker.ended;
      ({ drained } = worker);
      if (lives > 20) throw new Error("it does not end");
    }
    const store = await openStore(address)();
    const { items } = await store.deadLetters.list({}, { limit: 100 });
    await store.close();
    const reason = items.find(({ idempotencyKey }) => idempotencyKey === poison)?.reason;
    return { ...(await found(subjects)), lives, reason };
  });
}
