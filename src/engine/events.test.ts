import { expect, it } from "vitest";
import { Events } from "./events.ts";

const CHANGE = { lane: { api: "crm", endpoint: "GET /", partition: "" }, from: "closed", to: "open", because: "", retryAfterMs: 0 };

it("tells every listener, each once, until it leaves", () => {
  const events = new Events();
  const heard: string[] = [];
  const first = (): void => void heard.push("first");
  const leave = events.on("breaker:changed", first);
  events.on("breaker:changed", first);
  events.on("breaker:changed", () => heard.push("second"));
  events.emit("breaker:changed", CHANGE);
  expect(heard.toSorted()).toEqual(["first", "second"]);
  leave();
  leave();
  events.emit("breaker:changed", CHANGE);
  expect(heard.toSorted()).toEqual(["first", "second", "second"]);
});

it("lets listeners come and go while it tells", () => {
  const events = new Events();
  const heard: string[] = [];
  const leave = events.on("breaker:changed", () => {
    heard.push("leaving");
    leave();
    events.on("breaker:changed", () => heard.push("late"));
  });
  events.on("breaker:changed", () => heard.push("staying"));
  events.emit("breaker:changed", CHANGE);
  expect(heard).toEqual(["leaving", "staying"]);
});

it("goes on when a listener throws, and tells of that", () => {
  const events = new Events();
  const failed: unknown[] = [];
  const heard: string[] = [];
  events.on("listener:failed", ({ event, error }) => failed.push(event, error));
  events.on("breaker:changed", () => {
    throw new Error("listener");
  });
  events.on("breaker:changed", () => heard.push("second"));
  events.emit("breaker:changed", CHANGE);
  expect(heard).toEqual(["second"]);
  expect(failed).toEqual(["breaker:changed", new Error("listener")]);
});

it("goes on when an async listener rejects, and tells of that; when the teller rejects too, it is silent", async () => {
  const events = new Events();
  const failed: unknown[] = [];
  // The type says void; nothing keeps plain JavaScript from handing in an async function.
  const teller = async ({ event, error }: { event: string; error: unknown }): Promise<never> => {
    failed.push(event, error);
    throw new Error("teller");
  };
  const listener = async (): Promise<never> => {
    throw new Error("listener");
  };
  for (const [name, fn] of [["listener:failed", teller] as const, ["breaker:changed", listener] as const])
    events.on(name, fn as () => void);
  events.emit("breaker:changed", CHANGE);
  await new Promise((resolve) => setImmediate(resolve));
  expect(failed).toEqual(["breaker:changed", new Error("listener")]);
});

it("knows whether anybody listens", () => {
  const events = new Events();
  expect([events.any, events.wants("breaker:changed")]).toEqual([false, false]);
  const leave = events.on("breaker:changed", () => undefined);
  expect([events.any, events.wants("breaker:changed"), events.wants("call:settled")]).toEqual([true, true, false]);
  leave();
  expect([events.any, events.wants("breaker:changed")]).toEqual([false, false]);
});
