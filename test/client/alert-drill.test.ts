import { afterEach, describe, expect, test } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { openHoldfast, type OpenHoldfast } from "../../src/client/holdfast.ts";
import type { Verdict } from "../../src/core/verdict.ts";
import type { AlertNotice } from "../../src/signals/alerts/notice.ts";
import { DEFAULT_RULES, RULE_NAMES, type AlertRuleName } from "../../src/signals/alerts/rules.ts";
import { manualClock, type ManualClock } from "../../src/testing/index.ts";
import { letter, operation } from "../../src/testing/store-conformance/samples.ts";

const LANE = { api: "crm", endpoint: "POST /contacts", partition: "" };
const SUCCESS: Verdict = { kind: "success", effect: "done", rule: "ok", because: "answered" };
const MINUTE = 60_000;
/** It is looked every 15 s; a minute of quiet ends an alert. */
const LOOK = 15_000;

interface Drill {
  readonly open: OpenHoldfast;
  readonly clock: ManualClock;
  readonly notices: readonly AlertNotice[];
}

const drills: Drill[] = [];
afterEach(async () => {
  for (const { open, clock } of drills.splice(0)) {
    const closed = open.hf.close({ grace: "1ms" });
    await clock.advance("1s");
    await closed;
  }
});

async function drill(): Promise<Drill> {
  const clock = manualClock();
  const notices: AlertNotice[] = [];
  const open = await openHoldfast({
    store: memory(),
    clock,
    history: false,
    random: () => 0.5,
    apis: {},
    alerts: { to: [{ type: "function", tell: (notice) => void notices.push(notice) }], critical: ["crm POST /contacts"] },
  });
  drills.push({ open, clock, notices });
  return { open, clock, notices };
}

/** One second of an endpoint: calls of which some fail or are retried. */
function calls({ open }: Drill, { failed = 0, retried = 0, refused = 0, well = 0, ms = 50 }): void {
  const { events } = open.engine.runtime;
  const end = (outcome: "succeeded" | "failed", code: "answered" | "permanent" | "permanent-after-refresh"): void =>
    events.emit("call:settled", { operation: "x", lane: LANE, attempts: 1, outcome, because: { code }, durationMs: ms });
  for (let nth = 0; nth < well + retried; nth += 1) {
    events.emit("attempt:settled", { operation: "x", lane: LANE, attempt: nth < retried ? 2 : 1, durationMs: ms, verdict: SUCCESS });
    end("succeeded", "answered");
  }
  for (let nth = 0; nth < failed; nth += 1) end("failed", "permanent");
  for (let nth = 0; nth < refused; nth += 1) end("failed", "permanent-after-refresh");
}

interface Scene {
  /** What went before it. */
  readonly before?: (drill: Drill) => Promise<void>;
  /** Every 15 s while it lasts. */
  readonly fault: (drill: Drill, sinceMs: number) => unknown;
  /** Every 15 s afterwards. */
  readonly well?: (drill: Drill) => unknown;
  /** How long it takes, at least and at most, until the rule's value is over what it may be; its own time begins then. @default none */
  readonly reachedAfterMs?: readonly [number, number];
  /** Until the alert must have ended, once it is over. */
  readonly endsAfterMs: number;
}

const healthy = (drill: Drill): void => calls(drill, { well: 20 });
const day = async (drill: Drill): Promise<void> => {
  for (let minute = 0; minute < 26 * 60; minute += 1) {
    calls(drill, { well: 40 });
    await drill.clock.advance(MINUTE);
  }
};

/** A fault that meets the warning of each rule (or its only tier) and no other tier. */
const SCENES: Readonly<Record<AlertRuleName, Scene>> = {
  "error-rate": { fault: (one) => calls(one, { well: 19, failed: 1 }), well: healthy, endsAfterMs: 8 * MINUTE },
  "retry-rate": { fault: (one) => calls(one, { well: 18, retried: 2 }), well: healthy, endsAfterMs: 8 * MINUTE },
  "breaker-open": {
    fault: ({ open }, since) => {
      if (since === 0) change(open, "closed", "open");
    },
    well: ({ open }) => change(open, "open", "closed"),
    reachedAfterMs: [MINUTE, MINUTE],
    endsAfterMs: 2 * MINUTE,
  },
  "dead-letter-group": {
    fault: async ({ open, clock }, since) => {
      if (since > 0) return;
      const { engine } = open;
      const { id, api, endpoint, reason, fingerprint, title } = letter(1);
      await engine.store.deadLetters.add([letter(1, { diedAt: clock.now() })]);
      engine.runtime.events.emit("dead-letter:added", { id, api, endpoint, reason, fingerprint, title });
    },
    // It is news for ten minutes.
    endsAfterMs: 12 * MINUTE,
  },
  "dead-letters": {
    fault: ({ open }, since) => {
      if (since > 0) return;
      for (let nth = 0; nth < 51; nth += 1)
        open.engine.runtime.events.emit("dead-letter:added", {
          id: String(nth),
          ...LANE,
          reason: "permanent",
          fingerprint: "v1:x",
          title: "x",
        });
    },
    endsAfterMs: 62 * MINUTE,
  },
  latency: {
    before: day,
    fault: (one) => calls(one, { well: 20, ms: 250 }),
    well: (one) => calls(one, { well: 20 }),
    endsAfterMs: 8 * MINUTE,
  },
  throughput: {
    before: day,
    // A fifth less than on the day before; over ten minutes that is a tenth less after five.
    fault: (one) => calls(one, { well: 8 }),
    well: (one) => calls(one, { well: 10 }),
    reachedAfterMs: [4 * MINUTE, 7 * MINUTE],
    endsAfterMs: 12 * MINUTE,
  },
  "oldest-ready": {
    fault: async ({ open, clock }, since) => {
      const now = clock.now();
      if (since === 0) await open.engine.store.operations?.accept([operation(1, { acceptedAt: now, dueAt: now })]);
    },
    well: ({ open, clock }) => open.engine.store.operations?.cancel([operation(1).id], { code: "cancelled" }, clock.now()),
    reachedAfterMs: [5 * MINUTE, 5 * MINUTE],
    endsAfterMs: 2 * MINUTE,
  },
  exhausted: { fault: (one) => calls(one, { well: 500, failed: 1 }), well: healthy, endsAfterMs: 8 * MINUTE },
  unauthorized: { fault: (one) => calls(one, { well: 500, refused: 1 }), well: healthy, endsAfterMs: 8 * MINUTE },
  "watermark-held": {
    fault: ({ open }) =>
      open.engine.runtime.events.emit("sync:held", { sync: "orders", run: "1", level: "warning", heldSince: 0, heldMs: 9, blockedBy: [] }),
    well: ({ open }) =>
      open.engine.runtime.events.emit("sync:ended", {
        sync: "orders",
        run: "2",
        outcome: "complete",
        read: 0,
        done: 0,
        failed: 0,
        parked: 0,
        watermark: 7,
      }),
    endsAfterMs: 2 * MINUTE,
  },
};

function change(open: OpenHoldfast, from: string, to: string): void {
  open.engine.runtime.events.emit("breaker:changed", { lane: LANE, from, to, because: "a drill", retryAfterMs: 1 });
}

async function last({ clock }: Drill, ms: number, act: (sinceMs: number) => unknown): Promise<void> {
  for (let since = 0; since < ms; since += LOOK) {
    await act(since);
    await clock.advance(LOOK);
  }
}

describe("an alert drill", () => {
  test("has a scene for every rule", () => {
    expect(Object.keys(SCENES).toSorted()).toEqual([...RULE_NAMES].toSorted());
  });

  test.each(Object.entries(SCENES) as [AlertRuleName, Scene][])("%s fires once, after its time, and ends", async (rule, scene) => {
    const one = await drill();
    await scene.before?.(one);
    const told = (): readonly string[] => one.notices.filter((notice) => notice.rule === rule).map(({ change: what }) => what);
    const { warning, critical } = DEFAULT_RULES[rule];
    const forMs = (warning ?? critical)?.forMs ?? 0;
    const [soonest, latest] = scene.reachedAfterMs ?? [0, 0];
    // Right before its time nobody has been told; where it has none, at the beginning.
    const quietMs = Math.max(0, forMs + soonest - LOOK);
    const overMs = quietMs + 6 * LOOK + latest - soonest;
    await last(one, quietMs, (since) => scene.fault(one, since));
    expect(told()).toEqual([]);
    await last(one, overMs - quietMs, (since) => scene.fault(one, quietMs + since));
    expect(told()).toEqual(["fired"]);
    // It goes on, and nobody is told again.
    await last(one, 2 * MINUTE, (since) => scene.fault(one, overMs + since));
    expect(told()).toEqual(["fired"]);
    await last(one, scene.endsAfterMs, () => scene.well?.(one));
    expect(told()).toEqual(["fired", "resolved"]);
  });

  test.each(Object.entries(SCENES) as [AlertRuleName, Scene][])("%s is seen and told nobody while it is silenced", async (rule, scene) => {
    const one = await drill();
    await scene.before?.(one);
    await one.open.hf.alerts?.silence({ rule, for: "30d", because: "a drill", by: "ada" });
    const { warning, critical } = DEFAULT_RULES[rule];
    const [, latest] = scene.reachedAfterMs ?? [0, 0];
    await last(one, ((warning ?? critical)?.forMs ?? 0) + latest + 3 * MINUTE, (since) => scene.fault(one, since));
    expect(one.open.hf.alerts?.firing().map((alert) => alert.rule)).toContain(rule);
    expect(one.notices.filter((notice) => notice.rule === rule)).toEqual([]);
  });
});
