import assert from "node:assert/strict";
import type { BeginSync, BeginSyncResult, WatermarkStore } from "../../ports/watermark-store.ts";
import type { Store } from "../../ports/store.ts";
import { collect, MINUTE, pageOf, T0 } from "./samples.ts";
import type { Suite } from "./suite.ts";

function watermarksOf({ watermarks }: Store): WatermarkStore {
  assert.ok(watermarks, "the store keeps watermarks");
  return watermarks;
}

async function begin(store: WatermarkStore, fields: Partial<BeginSync> = {}): Promise<BeginSyncResult> {
  const [result] = await store.begin([{ sync: "contacts", run: "run-1", now: T0, leaseUntil: T0 + MINUTE, ...fields }]);
  assert.ok(result);
  return result;
}

/** What the contract says of watermarks. */
export function watermarkRules({ section, ruleFor }: Suite): void {
  const rule = ruleFor.bind(undefined, "watermarks");
  section("watermarks", () => {
    rule("one run at a time; a second one learns who runs until when", async ({ store }) => {
      const watermarks = watermarksOf(store);
      assert.deepEqual(await begin(watermarks), { state: "started", revision: 0 });
      assert.deepEqual(await begin(watermarks, { run: "run-2" }), { state: "running", run: "run-1", leaseUntil: T0 + MINUTE });
      assert.deepEqual(await begin(watermarks, { run: "run-2", sync: "deals" }), { state: "started", revision: 0 });
    });

    rule("the run that holds a sync may begin again, and gets the new lease", async ({ store }) => {
      const watermarks = watermarksOf(store);
      await begin(watermarks);
      assert.equal((await begin(watermarks, { now: T0 + 1, leaseUntil: T0 + 2 * MINUTE })).state, "started");
      assert.deepEqual((await watermarks.read("contacts"))?.running, { run: "run-1", since: T0, leaseUntil: T0 + 2 * MINUTE });
    });

    rule("the watermark moves by compare-and-set, and stays where it is between runs", async ({ store }) => {
      const watermarks = watermarksOf(store);
      await begin(watermarks);
      const step = { sync: "contacts", run: "run-1", now: T0 + 1 };
      assert.deepEqual(
        await watermarks.advance([
          { ...step, revision: 0, to: "[1]" },
          { ...step, revision: 0, to: "[9]" },
          { ...step, revision: 1, to: '["größe 🪸"]' },
        ]),
        ["applied", "stale", "applied"],
      );
      assert.deepEqual(await watermarks.end([{ sync: "contacts", run: "run-1", now: T0 + 2, report: '{"done":2}' }]), ["applied"]);
      assert.deepEqual(await watermarks.read("contacts"), {
        sync: "contacts",
        watermark: '["größe 🪸"]',
        revision: 2,
        advancedAt: T0 + 1,
        lastRun: { run: "run-1", endedAt: T0 + 2, report: '{"done":2}' },
      });
      assert.deepEqual(await begin(watermarks, { run: "run-2" }), { state: "started", watermark: '["größe 🪸"]', revision: 2 });
    });

    rule("a run that was overtaken moves nothing and ends nothing", async ({ store }) => {
      const watermarks = watermarksOf(store);
      await begin(watermarks);
      await begin(watermarks, { run: "run-2", now: T0 + MINUTE, leaseUntil: T0 + 2 * MINUTE });
      const late = { sync: "contacts", run: "run-1", now: T0 + MINUTE };
      assert.deepEqual(await watermarks.advance([{ ...late, revision: 0, to: "[1]" }]), ["stale"]);
      assert.deepEqual(await watermarks.extend([{ ...late, leaseUntil: T0 + 9 * MINUTE }]), ["stale"]);
      assert.deepEqual(await watermarks.end([{ ...late, report: "{}" }]), ["stale"]);
      assert.deepEqual(await watermarks.read("contacts"), {
        sync: "contacts",
        revision: 0,
        running: { run: "run-2", since: T0 + MINUTE, leaseUntil: T0 + 2 * MINUTE },
      });
    });

    rule("a run whose lease is over may go on while nobody has taken over", async ({ store }) => {
      const watermarks = watermarksOf(store);
      await begin(watermarks);
      const step = { sync: "contacts", run: "run-1", now: T0 + 5 * MINUTE, revision: 0, to: "[1]" };
      assert.deepEqual(await watermarks.advance([step]), ["applied"]);
      assert.deepEqual(await watermarks.extend([{ ...step, leaseUntil: T0 + 9 * MINUTE }]), ["applied"]);
      assert.equal((await begin(watermarks, { run: "run-2", now: T0 + 8 * MINUTE })).state, "running");
    });

    rule("ten runs begin at once: one of them starts", async ({ store }) => {
      const watermarks = watermarksOf(store);
      const results = await Promise.all(Array.from({ length: 10 }, (_, index) => begin(watermarks, { run: `run-${index}` })));
      assert.equal(results.filter(({ state }) => state === "started").length, 1);
    });

    rule("syncs are listed in the order in which they were first begun", async ({ store }) => {
      const watermarks = watermarksOf(store);
      assert.equal(await watermarks.read("contacts"), undefined);
      for (const sync of ["b", "a", "__proto__", "c"]) await begin(watermarks, { sync });
      const all = await collect((after) => watermarks.list(pageOf(3, after)));
      assert.deepEqual(
        all.map(({ sync }) => sync),
        ["b", "a", "__proto__", "c"],
      );
    });
  });
}
