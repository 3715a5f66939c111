import assert from "node:assert/strict";
import type { OpenResult, OpenRun, StepResult, StepStore } from "../../ports/step-store.ts";
import type { Store } from "../../ports/store.ts";
import { collect, MINUTE, pageOf, T0 } from "./samples.ts";
import type { Suite } from "./suite.ts";

const RUN = { id: "run-1", pipeline: "onboard", version: "1", subject: "lead-42", input: '{"email":"ada@example.com"}' };

function stepsOf({ steps }: Store): StepStore {
  assert.ok(steps, "the store keeps steps");
  return steps;
}

async function open(store: StepStore, fields: Partial<OpenRun> = {}): Promise<OpenResult> {
  const [result] = await store.open([{ ...RUN, token: "token-1", now: T0, leaseUntil: T0 + MINUTE, ...fields }]);
  assert.ok(result);
  return result;
}

function step(name: string, fields: Partial<StepResult> = {}): StepResult {
  return { run: "run-1", token: "token-1", step: name, state: "done", result: `"${name}"`, now: T0 + 1, ...fields };
}

const HELD = { run: "run-1", token: "token-1" };
const FRESH = { ...RUN, state: "open", openedAt: T0, steps: [] } as const;

/** What the contract says of the steps of pipelines. */
export function stepRules({ section, ruleFor }: Suite): void {
  const rule = ruleFor.bind(undefined, "steps");
  section("steps", () => {
    rule("a run is opened once, and taken up again with what was done", async ({ store }) => {
      const steps = stepsOf(store);
      assert.deepEqual(await open(steps), { state: "held", run: FRESH });
      const because = { code: "permanent", detail: "no such lead" } as const;
      assert.deepEqual(
        await steps.finish([step("enrich"), step("score", { state: "parked", operation: "operation-7", because }), step("assign")]),
        ["applied", "applied", "applied"],
      );
      await steps.release([HELD]);
      assert.deepEqual(await open(steps, { token: "token-2", version: "2", input: "{}", now: T0 + 9 }), {
        state: "held",
        run: {
          ...FRESH,
          steps: [
            { step: "enrich", state: "done", result: '"enrich"', at: T0 + 1 },
            { step: "score", state: "parked", result: '"score"', because, operation: "operation-7", at: T0 + 1 },
            { step: "assign", state: "done", result: '"assign"', at: T0 + 1 },
          ],
        },
      });
    });

    rule("one holder at a time; the holder may ask again", async ({ store }) => {
      const steps = stepsOf(store);
      await open(steps);
      assert.deepEqual(await open(steps, { token: "token-2" }), { state: "busy", leaseUntil: T0 + MINUTE });
      assert.equal((await open(steps, { leaseUntil: T0 + 3 * MINUTE })).state, "held");
      assert.equal((await open(steps, { token: "token-2", now: T0 + 2 * MINUTE })).state, "busy");
      assert.equal((await open(steps, { token: "token-2", now: T0 + 3 * MINUTE, leaseUntil: T0 + 4 * MINUTE })).state, "held");
    });

    rule("a step that is done stays so; one that failed may be written again, in its old place", async ({ store }) => {
      const steps = stepsOf(store);
      await open(steps);
      await steps.finish([step("a", { state: "failed", because: { code: "permanent" } }), step("b")]);
      const { result: _result, ...bare } = step("a", { now: T0 + 5 });
      assert.deepEqual(await steps.finish([bare, step("b", { result: "2" }), step("a", { state: "failed" })]), [
        "applied",
        "stale",
        "stale",
      ]);
      assert.deepEqual((await steps.get("run-1"))?.steps, [
        { step: "a", state: "done", at: T0 + 5 },
        { step: "b", state: "done", result: '"b"', at: T0 + 1 },
      ]);
    });

    rule("a holder that was overtaken writes nothing", async ({ store }) => {
      const steps = stepsOf(store);
      await open(steps);
      await open(steps, { token: "token-2", now: T0 + MINUTE, leaseUntil: T0 + 2 * MINUTE });
      assert.deepEqual(await steps.finish([step("a")]), ["stale"]);
      assert.deepEqual(await steps.extend([{ ...HELD, leaseUntil: T0 + 9 * MINUTE }]), ["stale"]);
      assert.deepEqual(await steps.release([HELD]), ["stale"]);
      assert.deepEqual(await steps.end([{ ...HELD, state: "failed", now: T0, keepUntil: T0 }]), ["stale"]);
      assert.deepEqual((await steps.get("run-1"))?.steps, []);
    });

    rule("a run that has ended is only read, until its time is over", async ({ store }) => {
      const steps = stepsOf(store);
      await open(steps);
      await steps.finish([step("a")]);
      assert.deepEqual(await steps.end([{ ...HELD, state: "succeeded", now: T0 + 7, keepUntil: T0 + MINUTE }]), ["applied"]);
      const ended = {
        ...FRESH,
        state: "succeeded",
        endedAt: T0 + 7,
        steps: [{ step: "a", state: "done", result: '"a"', at: T0 + 1 }],
      } as const;
      assert.deepEqual(await open(steps), { state: "ended", run: ended });
      assert.deepEqual(await steps.finish([step("b")]), ["stale"]);
      assert.equal(await steps.sweep(T0 + MINUTE - 1, 9), 0);
      assert.equal(await steps.sweep(T0 + MINUTE, 9), 1);
      assert.equal(await steps.get("run-1"), undefined);
      assert.deepEqual((await open(steps)).state, "held");
      assert.deepEqual((await steps.get("run-1"))?.steps, []);
    });

    rule("the newest runs of a pipeline are counted, with their steps", async ({ store }) => {
      const steps = stepsOf(store);
      for (const id of ["1", "2", "3"]) await open(steps, { id });
      await open(steps, { id: "4", pipeline: "offboard" });
      await steps.finish([
        step("score", { run: "1" }),
        step("enrich", { run: "2" }),
        step("score", { run: "2", state: "parked" }),
        step("enrich", { run: "3" }),
        step("score", { run: "3" }),
        step("enrich", { run: "4", state: "failed" }),
      ]);
      await steps.end([{ run: "3", token: "token-1", state: "succeeded", now: T0, keepUntil: T0 + MINUTE }]);
      assert.deepEqual(await steps.pipelines(), ["offboard", "onboard"]);
      assert.deepEqual(await steps.overview("onboard", 2), {
        runs: { open: 1, succeeded: 1, failed: 0 },
        more: true,
        steps: [
          { step: "enrich", done: 2, failed: 0, parked: 0 },
          { step: "score", done: 1, failed: 0, parked: 1 },
        ],
      });
      const all = await steps.overview("onboard", 3);
      assert.deepEqual(
        [all.runs, all.more, all.steps[1]],
        [{ open: 2, succeeded: 1, failed: 0 }, false, { step: "score", done: 2, failed: 0, parked: 1 }],
      );
      assert.deepEqual(await steps.overview("none", 3), { runs: { open: 0, succeeded: 0, failed: 0 }, more: false, steps: [] });
    });

    rule("runs are listed by what fits the filter, the last opened first", async ({ store }) => {
      const steps = stepsOf(store);
      for (const [id, pipeline, subject] of [
        ["1", "onboard", "lead-1"],
        ["2", "onboard", "lead-2"],
        ["3", "offboard", "lead-1"],
      ] as const) {
        await open(steps, { id, pipeline, subject });
      }
      await steps.end([{ run: "2", token: "token-1", state: "failed", now: T0, keepUntil: T0 + MINUTE }]);
      const ids = async (filter: Parameters<StepStore["list"]>[0]): Promise<string> =>
        (await collect((after) => steps.list(filter, pageOf(1, after)))).map(({ id }) => id).join();
      assert.deepEqual(
        [
          await ids({}),
          await ids({ pipeline: "onboard" }),
          await ids({ subject: "lead-1" }),
          await ids({ state: "open", pipeline: "onboard" }),
        ],
        ["3,2,1", "2,1", "3,1", "1"],
      );
    });
  });
}
