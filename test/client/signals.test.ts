import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, expect, test } from "vitest";
import { diagnosticsChannels, logLines, type LogOptions } from "../../src/adapters/events/index.ts";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { createHoldfast, type Holdfast } from "../../src/client/holdfast.ts";
import { EVENTS } from "../../src/ports/events.ts";
import { manualClock } from "../../src/testing/index.ts";

let hf: Holdfast<"crm">;

afterEach(() => hf.close());

async function open(answers: number[], breaker: object | false = false): Promise<void> {
  hf = await createHoldfast({
    apis: { crm: { baseUrl: "http://crm.test", retry: { maxAttempts: 2, backoff: { base: 1, cap: 1 } }, breaker } },
    store: memory(),
    transport: async () => Response.json({}, { status: answers.shift() ?? 200 }),
  });
}

const post = (partition = ""): Promise<unknown> =>
  hf
    .fetch("crm", { partition })("/contacts", { method: "POST", body: "{}" })
    .catch((error: unknown) => error);

type Line = Readonly<Record<string, unknown>>;

function logged(options: LogOptions = {}): { readonly lines: Line[]; readonly stop: () => void } {
  const lines: Line[] = [];
  return { lines, stop: logLines(hf, { write: (line) => lines.push(JSON.parse(line) as Line), ...options }) };
}

describe("log lines", () => {
  test("are as loud as somebody should listen: a 429 that one retry solves is no warning", async () => {
    await open([200, 429, 200, 422]);
    const { lines } = logged({ level: "trace" });
    await post();
    await post();
    await post();
    const said = lines.map(({ event, level }) => [event, level]);
    expect(said).toEqual([
      ["attempt:started", 10],
      ["attempt:settled", 20],
      ["call:settled", 20],
      ["attempt:started", 10],
      ["attempt:settled", 20],
      ["retry:scheduled", 30],
      ["attempt:started", 10],
      ["attempt:settled", 20],
      ["call:settled", 30],
      ["attempt:started", 10],
      ["attempt:settled", 20],
      ["dead-letter:added", 40],
      ["call:settled", 40],
    ]);
    const ids = lines.filter(({ operation }) => operation !== undefined).map(({ operation, requestId }) => [operation, requestId]);
    expect(ids.every(([operation, requestId]) => operation === requestId)).toBe(true);
    expect(new Set(ids.map(([operation]) => operation)).size).toBe(3);
  });

  test("are written by default when nothing solved itself, and have pino's fields", async () => {
    await open([422]);
    const clock = manualClock();
    const { lines } = logged({ name: "importer", clock });
    await post("account-7");
    expect(lines.at(-1)).toEqual({
      level: 40,
      time: clock.now(),
      name: "importer",
      event: "call:settled",
      operation: expect.any(String) as string,
      requestId: expect.any(String) as string,
      api: "crm",
      endpoint: "POST /contacts",
      partition: "account-7",
      attempts: 1,
      outcome: "failed",
      because: expect.objectContaining({ code: "permanent" }) as object,
      durationMs: expect.any(Number) as number,
      msg: expect.stringContaining("crm POST /contacts: failed after 1 attempts: no retry can change this answer") as string,
    });
  });

  test("tell of errors by name, text and stack", async () => {
    await open([]);
    const { lines } = logged({ level: "error" });
    hf.on("call:settled", () => {
      throw new TypeError("what is this?");
    });
    await post();
    expect(lines).toMatchObject([
      { level: 50, event: "listener:failed", err: { type: "TypeError", message: "what is this?", stack: expect.any(String) as string } },
    ]);
  });

  test("listen to nothing that is not loud enough, and end when told so", async () => {
    await open([500, 500]);
    const heard: string[] = [];
    const source = { on: (event: string): (() => void) => (heard.push(event), () => undefined) };
    logLines(source, { level: "warn" });
    expect(heard).not.toContain("attempt:settled");
    expect(heard).toContain("call:settled");
    const { lines, stop } = logged();
    stop();
    await post();
    expect(lines).toEqual([]);
  });

  test("keep their level where an event has one of its own", async () => {
    await open([]);
    const lines: Line[] = [];
    const held = { sync: "leads", run: "r", level: "critical", heldSince: 0, heldMs: 60_000, blockedBy: ["7"] };
    const source = {
      on(event: string, listener: (event: never) => void): () => void {
        if (event === "sync:held") listener(held as never);
        return () => undefined;
      },
    };
    logLines(source, { write: (line) => lines.push(JSON.parse(line) as Line) });
    expect(lines).toMatchObject([
      { level: 50, event: "sync:held", sync: "leads", msg: "sync leads: its watermark has not moved for 60 s" },
    ]);
  });

  test.each<[string, object]>([
    ["log.level", { level: "loud" }],
    ["log.write", { write: "stdout" }],
    ["log.colour", { colour: true }],
  ])("refuse %s that makes no sense", async (path, options) => {
    await open([]);
    expect(() => logLines(hf, options)).toThrow(expect.objectContaining({ path }) as Error);
  });
});

describe("diagnostics channels", () => {
  test("publish each event under its name, until told to end", async () => {
    await open([429, 200]);
    const stop = diagnosticsChannels(hf);
    const seen: unknown[] = [];
    const listen = (message: unknown, name: unknown): void => void seen.push([name, (message as { attempt?: number }).attempt]);
    const names = ["attempt:settled", "retry:scheduled", "call:settled"].map((name) => `holdfast:${name}`);
    for (const name of names) subscribe(name, listen);
    await post();
    stop();
    await post();
    for (const name of names) unsubscribe(name, listen);
    expect(seen).toEqual([
      ["holdfast:attempt:settled", 1],
      ["holdfast:retry:scheduled", 1],
      ["holdfast:attempt:settled", 2],
      ["holdfast:call:settled", undefined],
    ]);
    expect(Object.keys(EVENTS).every((name) => /^[a-z-]+:[a-z-]+$/.test(name))).toBe(true);
  });
});
