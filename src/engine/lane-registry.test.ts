import { describe, expect, test } from "vitest";
import { resolveApi } from "../api/resolve-api.ts";
import type { ApiOptions } from "../api/api-options.ts";
import { manualClock } from "../testing/manual-clock.ts";
import type { Admittee } from "./admittee.ts";
import type { Lane } from "./lane.ts";
import { LaneRegistry } from "./lane-registry.ts";
import { createRuntime, type Runtime } from "./runtime.ts";

function registry(options: ApiOptions = {}): { readonly lanes: LaneRegistry; readonly runtime: Runtime } {
  const runtime = createRuntime(manualClock(), () => 0);
  return { runtime, lanes: new LaneRegistry("api", resolveApi("api", options), runtime) };
}

/** Whether a call may go right now. */
function admits(lane: Lane): boolean {
  const call: Admittee = { cost: 1, deadlineAt: 0, maxWaitMs: 0, callerSignal: undefined, generation: 0 };
  const waiting = lane.admit(call, 0);
  waiting?.catch(() => undefined);
  return waiting === undefined;
}

describe("the lanes of an API", () => {
  test("are one for each endpoint and partition, the same each time", () => {
    const { lanes } = registry();
    const lane = lanes.lane("GET /a", "");
    expect(lanes.lane("GET /a", "")).toBe(lane);
    expect(lanes.lane("GET /b", "")).not.toBe(lane);
    expect(lanes.lane("GET /a", "tenant")).not.toBe(lane);
    expect(lanes.all().map(({ ref }) => ref)).toEqual([
      { api: "api", endpoint: "GET /a", partition: "" },
      { api: "api", endpoint: "GET /b", partition: "" },
      { api: "api", endpoint: "GET /a", partition: "tenant" },
    ]);
  });

  test("are at most two hundred; what comes after shares one, and is told of", () => {
    const { lanes, runtime } = registry();
    const told: string[] = [];
    runtime.events.on("lanes:overflow", ({ endpoint, limit }) => told.push(`${endpoint} over ${limit}`));
    for (let index = 0; index < 200; index += 1) lanes.lane(`GET /${index}`, "");
    expect(told).toEqual([]);
    const shared = lanes.lane("GET /200", "");
    expect(lanes.lane("GET /201", "tenant")).toBe(shared);
    expect(lanes.lane("GET /7", "")).not.toBe(shared);
    expect(shared.ref).toEqual({ api: "api", endpoint: "*", partition: "" });
    expect(told).toEqual(["GET /200 over 200", "GET /201 over 200"]);
    expect(lanes.all()).toHaveLength(201);
  });
});

describe("a limit", () => {
  test.each<[string, "api" | "endpoint" | "partition", (readonly [string, string])[]]>([
    ["of the API is shared by all", "api", []],
    [
      "of endpoints is each one's own, in each partition",
      "endpoint",
      [
        ["GET /b", ""],
        ["GET /a", "x"],
      ],
    ],
    ["of partitions is shared by the endpoints of one", "partition", [["GET /a", "x"]]],
  ])("%s", (_, scope, free) => {
    const { lanes } = registry({ rateLimit: { limit: 1, per: "1m", burst: 1, scope } });
    expect(admits(lanes.lane("GET /a", ""))).toBe(true);
    expect(admits(lanes.lane("GET /a", ""))).toBe(false);
    for (const [endpoint, partition] of [
      ["GET /b", ""],
      ["GET /a", "x"],
    ] as const) {
      expect(admits(lanes.lane(endpoint, partition))).toBe(free.some(([e, p]) => e === endpoint && p === partition));
    }
  });

  test("of one scope stands beside that of another", () => {
    const { lanes } = registry({
      rateLimit: [
        { limit: 2, per: "1m", burst: 2, scope: "api" },
        { limit: 1, per: "1m", burst: 1, scope: "endpoint" },
      ],
    });
    expect([admits(lanes.lane("GET /a", "")), admits(lanes.lane("GET /a", ""))]).toEqual([true, false]);
    expect(admits(lanes.lane("GET /b", ""))).toBe(true);
    expect(admits(lanes.lane("GET /c", ""))).toBe(false);
  });

  test("that nobody set still obeys what the other side says, in its own lane", () => {
    const { lanes } = registry();
    const lane = lanes.lane("GET /a", "");
    const call: Admittee = { cost: 1, deadlineAt: 1e9, maxWaitMs: 0, callerSignal: undefined, generation: 0 };
    expect(lane.admit(call, 0)).toBeUndefined();
    const hint = { delayMs: 5_000, source: "retry-after" };
    lane.settle(call, { kind: "throttled", effect: "none", rule: "status:429", because: "429", hint }, 1, 0);
    expect(admits(lane)).toBe(false);
    expect(admits(lanes.lane("GET /b", ""))).toBe(true);
  });
});
