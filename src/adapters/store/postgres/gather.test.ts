import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PostgresStoreError, separable } from "./fault.ts";
import { Gather } from "./gather.ts";
import { inWaves } from "./waves.ts";

/** A verb that is done when the test says so, and notes what it was given. */
function pausing(): {
  readonly given: string[][];
  readonly perform: (items: readonly string[]) => Promise<readonly string[]>;
  finish(): Promise<void>;
} {
  const given: string[][] = [];
  let waiting: (() => void)[] = [];
  return {
    given,
    perform: async (items) => {
      given.push([...items]);
      await new Promise<void>((resolve) => waiting.push(resolve));
      return items.map((item) => `did ${item}`);
    },
    finish: async () => {
      for (const resolve of waiting.splice(0)) resolve();
      await turns();
      waiting = [...waiting];
    },
  };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
}

const own = (item: string): string => item;
const options = { most: 3, atOnce: 2, separable };

describe("gathering", () => {
  it("does calls of one verb that come together as one batch, and gives each its own answers", async () => {
    const { given, perform, finish } = pausing();
    const gather = new Gather({ take: perform }, options);
    const calls = [gather.call("take", ["a"], own), gather.call("take", ["b", "c"], own)];
    await turns();
    expect(given).toEqual([["a", "b", "c"]]);
    await finish();
    expect(await Promise.all(calls)).toEqual([["did a"], ["did b", "did c"]]);
  });

  it("starts a second batch beside the first when one is full, and no third", async () => {
    const { given, perform, finish } = pausing();
    const gather = new Gather({ take: perform }, options);
    const calls = ["a", "b", "c", "d", "e", "f", "g"].map((item) => gather.call("take", [item], own));
    await turns();
    expect(given).toEqual([
      ["a", "b", "c"],
      ["d", "e", "f"],
    ]);
    await finish();
    expect(given.at(-1)).toEqual(["g"]);
    await finish();
    expect((await Promise.all(calls)).flat()).toHaveLength(7);
  });

  it("keeps calls that touch one key in their order, across verbs, and lets others pass", async () => {
    const { given, perform, finish } = pausing();
    const gather = new Gather({ take: perform, give: perform }, { ...options, most: 10 });
    const calls = [
      gather.call("take", ["a"], own),
      gather.call("give", ["a"], own),
      gather.call("take", ["a"], own),
      gather.call("take", ["b"], own),
      gather.call("give", ["c"], own),
    ];
    await turns();
    expect(given).toEqual([["a", "b"], ["c"]]);
    await finish();
    expect(given.slice(2)).toEqual([["a"]]);
    await finish();
    expect(given.slice(3)).toEqual([["a"]]);
    await finish();
    await Promise.all(calls);
  });

  it("answers a call of nothing at once", async () => {
    expect(await new Gather({}, options).call("take", [], own)).toEqual([]);
  });

  it("does a batch again call by call when the server refused something in it", async () => {
    const refusal = new PostgresStoreError("no", { message: "no", effect: "none", retryable: false, answered: true });
    const perform = async (items: readonly string[]): Promise<readonly string[]> => {
      if (items.includes("bad")) throw refusal;
      return items;
    };
    const gather = new Gather({ take: perform }, options);
    const results = await Promise.allSettled(["a", "bad", "b"].map((item) => gather.call("take", [item], own)));
    expect(results).toEqual([
      { status: "fulfilled", value: ["a"] },
      { status: "rejected", reason: refusal },
      { status: "fulfilled", value: ["b"] },
    ]);
  });

  it("does not when the batch may have been done: all callers are told", async () => {
    const broken = new PostgresStoreError("gone", { message: "gone", effect: "unknown", retryable: true, answered: false });
    let tries = 0;
    const perform = async (): Promise<never> => {
      tries += 1;
      throw broken;
    };
    const gather = new Gather({ take: perform }, options);
    const results = await Promise.allSettled(["a", "b"].map((item) => gather.call("take", [item], own)));
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(tries).toBe(1);
  });

  it("does everything once, and what touches a key in order, whatever comes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom("take", "give"), fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 4 })), {
          maxLength: 20,
        }),
        fc.scheduler(),
        async (calls, scheduler) => {
          const done = new Map<string, string[]>();
          const performAs =
            (verb: string) =>
            async (items: readonly { readonly key: string; readonly name: string }[]): Promise<readonly string[]> => {
              await scheduler.schedule(Promise.resolve());
              for (const { key, name } of items) done.set(key, [...(done.get(key) ?? []), `${verb} ${name}`]);
              return items.map(({ name }) => name);
            };
          const gather = new Gather({ take: performAs("take"), give: performAs("give") }, options);
          const expected = new Map<string, string[]>();
          const answers = calls.map(([verb, keys], number) => {
            const items = keys.map((key, index) => ({ key, name: `${number}.${index}` }));
            for (const { key, name } of items) expected.set(key, [...(expected.get(key) ?? []), `${verb} ${name}`]);
            return gather.call<(typeof items)[number], string>(verb, items, ({ key }) => key);
          });
          const settled = Promise.all(answers);
          await scheduler.waitFor(settled);
          expect(await settled).toEqual(calls.map(([, keys], number) => keys.map((_, index) => `${number}.${index}`)));
          expect(done).toEqual(expected);
        },
      ),
    );
  });
});

describe("waves", () => {
  it("do each key once in a wave, in order, and answer in the order asked", async () => {
    const waves: string[][] = [];
    const results = await inWaves(
      ["a1", "b1", "a2", "c1", "a3", "b2"],
      (item) => item[0] as string,
      async (wave) => {
        waves.push([...wave]);
        return wave.map((item) => item.toUpperCase());
      },
    );
    expect(waves).toEqual([["a1", "b1", "c1"], ["a2", "b2"], ["a3"]]);
    expect(results).toEqual(["A1", "B1", "A2", "C1", "A3", "B2"]);
  });
});
