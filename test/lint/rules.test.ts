import { beforeAll, describe, expect, test } from "vitest";
import { lint, type Finding } from "./fixture.ts";

interface Case {
  readonly path: string;
  readonly text: string;
  /** The rule that must fire; a case without one must stay quiet. */
  readonly rule?: string;
}

const layers = "holdfast(import-layers)";
const browser = "holdfast(browser-safe)";
const clock = "holdfast(clock-ports)";

const imports = (specifier: string): string => `import { x } from "${specifier}";\nexport const y: unknown = x;\n`;
const importsType = (specifier: string): string => `import type { X } from "${specifier}";\nexport type Y = X;\n`;

/** Each sentence says what its file does. Bad ones have a good twin that differs only in what the rule is about. */
const cases: Readonly<Record<string, Case>> = {
  "core imports the engine": { path: "src/core/a.ts", text: imports("../engine/x.ts"), rule: layers },
  "the engine imports core": { path: "src/engine/a.ts", text: imports("../core/x.ts") },
  "core imports a type of the engine": { path: "src/core/b.ts", text: importsType("../engine/x.ts"), rule: layers },
  "core imports core": { path: "src/core/c.ts", text: imports("./x.ts") },
  "a policy imports a port": { path: "src/policy/retry/a.ts", text: imports("../../ports/x.ts"), rule: layers },
  "a policy imports core": { path: "src/policy/retry/b.ts", text: imports("../../core/x.ts") },
  "a port imports a policy": { path: "src/ports/a.ts", text: imports("../policy/x.ts"), rule: layers },
  "a port imports core": { path: "src/ports/b.ts", text: imports("../core/x.ts") },
  "the engine names an adapter": { path: "src/engine/b.ts", text: imports("../adapters/clock/x.ts"), rule: layers },
  "the client names an adapter": { path: "src/client/a.ts", text: imports("../adapters/clock/x.ts") },
  "the engine loads an adapter lazily": {
    path: "src/engine/c.ts",
    text: 'export const load = (): Promise<unknown> => import("../adapters/clock/x.ts");\n',
    rule: layers,
  },
  "the engine names an adapter in a type": {
    path: "src/engine/d.ts",
    text: 'export type X = import("../adapters/clock/x.ts").X;\n',
    rule: layers,
  },
  "the engine hands an adapter on": { path: "src/engine/e.ts", text: 'export * from "../adapters/clock/x.ts";\n', rule: layers },
  "the engine hands core on": { path: "src/engine/f.ts", text: 'export { x } from "../core/x.ts";\n' },
  "api runs a port": { path: "src/api/a.ts", text: imports("../ports/x.ts"), rule: layers },
  "api names a type of a port": { path: "src/api/b.ts", text: importsType("../ports/x.ts") },
  "an adapter runs a policy": { path: "src/adapters/store/memory/a.ts", text: imports("../../../policy/x.ts"), rule: layers },
  "an adapter names a type of a policy": { path: "src/adapters/store/memory/b.ts", text: importsType("../../../policy/x.ts") },
  "an adapter imports the engine": { path: "src/adapters/store/memory/c.ts", text: imports("../../../engine/x.ts"), rule: layers },
  "an adapter imports another": { path: "src/adapters/store/memory/d.ts", text: imports("../../clock/x.ts") },
  "the durable side imports the client": { path: "src/durable/a.ts", text: imports("../client/x.ts"), rule: layers },
  "the client imports the durable side": { path: "src/client/b.ts", text: imports("../durable/x.ts") },
  "the gateway's app names an adapter": { path: "src/gateway/app.ts", text: imports("../adapters/clock/x.ts"), rule: layers },
  "the gateway's server names an adapter": { path: "src/gateway/serve.ts", text: imports("../adapters/clock/x.ts") },
  "the engine imports the gateway": { path: "src/engine/g.ts", text: imports("../gateway/x.ts"), rule: layers },
  "the command line imports the gateway": { path: "src/cli/a.ts", text: imports("../gateway/x.ts") },
  "the simulator names a real store": { path: "src/simulate/a.ts", text: imports("../adapters/store/sqlite/x.ts"), rule: layers },
  "the simulator names the store in memory": { path: "src/simulate/b.ts", text: imports("../adapters/store/memory/x.ts") },
  "the testing kit imports the engine": { path: "src/testing/a.ts", text: imports("../engine/x.ts"), rule: layers },
  "the testing kit imports a port": { path: "src/testing/b.ts", text: imports("../ports/x.ts") },
  "the testing kit names a store": { path: "src/testing/c.ts", text: imports("../adapters/store/memory/x.ts"), rule: layers },
  "the testing kit names the system's clock": { path: "src/testing/d.ts", text: imports("../adapters/clock/x.ts") },
  "the face names an adapter": { path: "src/index.ts", text: imports("./adapters/clock/x.ts"), rule: layers },
  "the library loads a package": { path: "src/client/c.ts", text: imports("commander"), rule: layers },
  "the command line loads a package": { path: "src/cli/b.ts", text: imports("commander") },
  "a published file imports a test's helper": { path: "src/client/d.ts", text: imports("../../test/x.ts"), rule: layers },
  "a file in a folder without a row": { path: "src/extras/a.ts", text: imports("../core/x.ts"), rule: layers },
  "a test beside core imports the testing kit": { path: "src/core/a.test.ts", text: imports("../testing/x.ts") },
  "an example imports from the source": { path: "examples/a.ts", text: imports("../src/core/x.ts"), rule: layers },
  "an example imports the package": { path: "examples/b.ts", text: imports("holdfast") },

  "the engine imports from Node": { path: "src/engine/h.ts", text: imports("node:async_hooks"), rule: browser },
  "the store's adapter imports from Node": { path: "src/adapters/store/sqlite/a.ts", text: imports("node:sqlite") },
  "the store in memory imports from Node": { path: "src/adapters/store/memory/e.ts", text: imports("node:sqlite"), rule: browser },
  "the engine imports from Node without its prefix": { path: "src/engine/i.ts", text: imports("fs"), rule: browser },
  "the engine names a type of Node": { path: "src/engine/j.ts", text: importsType("node:async_hooks"), rule: browser },
  "the async context names a type of Node": { path: "src/engine/context.ts", text: importsType("node:async_hooks") },
  "the client reads process": { path: "src/client/e.ts", text: "export const y: string = process.version;\n", rule: browser },
  "the client reads process by way of globalThis": {
    path: "src/client/f.ts",
    text: "export const y: unknown = globalThis.process;\n",
    rule: browser,
  },
  "the client reads process by way of globalThis in another type": {
    path: "src/client/h.ts",
    text: "export const y: unknown = (globalThis as { process?: unknown }).process;\n",
    rule: browser,
  },
  "the command line reads process": { path: "src/cli/c.ts", text: "export const y: string = process.version;\n" },
  "the client has a parameter named process": {
    path: "src/client/g.ts",
    text: "export const y = (process: { version: string }): string => process.version;\n",
  },

  "the engine reads the time": { path: "src/engine/k.ts", text: "export const y: number = Date.now();\n", rule: clock },
  "the system clock reads the time": { path: "src/adapters/clock/system.ts", text: "export const y: number = Date.now();\n" },
  "the command line reads the time": { path: "src/cli/d.ts", text: "export const y: number = Date.now();\n", rule: clock },
  "the engine hands Date.now on": { path: "src/engine/l.ts", text: "export const now: () => number = Date.now;\n", rule: clock },
  "the engine reads the time by way of globalThis": {
    path: "src/engine/m.ts",
    text: "export const y: number = globalThis.Date.now();\n",
    rule: clock,
  },
  "the engine reads the time by way of globalThis in another type": {
    path: "src/engine/m2.ts",
    text: "export const y: number = (globalThis as unknown as { Date: typeof Date }).Date.now();\n",
    rule: clock,
  },
  "the engine reads the time through brackets": { path: "src/engine/n.ts", text: 'export const y: number = Date["now"]();\n', rule: clock },
  "the engine takes today's date": { path: "src/engine/o.ts", text: "export const y: Date = new Date();\n", rule: clock },
  "the engine makes a date of an instant": { path: "src/engine/p.ts", text: "export const y = (at: number): Date => new Date(at);\n" },
  "the engine parses a date": { path: "src/engine/q.ts", text: "export const y = (at: string): number => Date.parse(at);\n" },
  "the engine writes today's date": { path: "src/engine/r.ts", text: "export const y: string = Date();\n", rule: clock },
  "a policy measures": { path: "src/policy/retry/c.ts", text: "export const y: number = performance.now();\n", rule: clock },
  "the engine sets a timer": { path: "src/engine/s.ts", text: "setTimeout(() => {}, 1);\n", rule: clock },
  "the engine sets a timer by way of globalThis": { path: "src/engine/t.ts", text: "globalThis.setTimeout(() => {}, 1);\n", rule: clock },
  "the engine sets an interval": { path: "src/engine/u.ts", text: "setInterval(() => {}, 1);\n", rule: clock },
  "the engine names the type of a timer": {
    path: "src/engine/v.ts",
    text: "export type Handle = ReturnType<typeof setTimeout>;\n",
  },
  "the engine has its own setTimeout": {
    path: "src/engine/w.ts",
    text: "export const y = (setTimeout: (ms: number) => void): void => {\n  setTimeout(1);\n};\n",
  },
  "the engine rolls dice": { path: "src/engine/x1.ts", text: "export const y: number = Math.random();\n", rule: clock },
  "the engine rounds": { path: "src/engine/x2.ts", text: "export const y: number = Math.floor(1.5);\n" },
  "the engine takes dice out of Math": { path: "src/engine/x3.ts", text: "export const { random }: Math = Math;\n", rule: clock },
  "the engine makes an id": { path: "src/engine/x4.ts", text: "export const y: string = crypto.randomUUID();\n", rule: clock },
  "an adapter makes an id with Node": {
    path: "src/adapters/store/sqlite/b.ts",
    text: 'import { randomUUID } from "node:crypto";\nexport const y: string = randomUUID();\n',
    rule: clock,
  },
  "an adapter makes an id with all of node:crypto": {
    path: "src/adapters/store/sqlite/c.ts",
    text: 'import * as nodeCrypto from "node:crypto";\nexport const y: string = nodeCrypto.randomUUID();\n',
    rule: clock,
  },
  "an adapter hashes with Node": {
    path: "src/adapters/store/sqlite/d.ts",
    text: 'import { createHash } from "node:crypto";\nexport const y: unknown = createHash("sha256");\n',
  },
  "an adapter waits with Node's promised timers": {
    path: "src/adapters/store/sqlite/e.ts",
    text: imports("node:timers/promises"),
    rule: clock,
  },
  "the engine lets a signal time out by itself": {
    path: "src/engine/x5.ts",
    text: "export const y: AbortSignal = AbortSignal.timeout(1);\n",
    rule: clock,
  },
  "a test beside its subject sleeps": { path: "src/engine/y.test.ts", text: "setTimeout(() => {}, 1);\n", rule: clock },
  "a test of the conformance suite sleeps": { path: "test/conformance/a.test.ts", text: "setTimeout(() => {}, 1);\n", rule: clock },
  "the flaky server sleeps": { path: "src/testing/flaky-api/a.ts", text: "setTimeout(() => {}, 1);\n", rule: clock },
  "a test of the flaky server sleeps": { path: "src/testing/flaky-api/a.test.ts", text: "setTimeout(() => {}, 1);\n" },
  "a program that a test starts sleeps": { path: "test/crash/program.ts", text: "setTimeout(() => {}, 1);\n" },
  "a test with real processes sleeps": { path: "test/crash/a.test.ts", text: "setTimeout(() => {}, 1);\n" },

  "a promise is left alone": {
    path: "src/engine/z1.ts",
    text: "export const y = (work: () => Promise<void>): void => {\n  work();\n};\n",
    rule: "typescript(no-floating-promises)",
  },
  "a promise is let go on purpose": {
    path: "src/engine/z2.ts",
    text: "export const y = (work: () => Promise<void>): void => {\n  void work();\n};\n",
  },
  "a function takes any": {
    path: "src/engine/z3.ts",
    text: "export const y = (value: any): void => void value;\n",
    rule: "typescript(no-explicit-any)",
  },
  "a function takes unknown": { path: "src/engine/z4.ts", text: "export const y = (value: unknown): void => void value;\n" },
  "a switch forgets a case": {
    path: "src/engine/z5.ts",
    text: 'export function y(kind: "a" | "b"): number {\n  switch (kind) {\n    case "a":\n      return 1;\n  }\n  return 2;\n}\n',
    rule: "typescript(switch-exhaustiveness-check)",
  },
  "a switch has every case": {
    path: "src/engine/z6.ts",
    text: 'export function y(kind: "a" | "b"): number {\n  switch (kind) {\n    case "a":\n      return 1;\n    case "b":\n      return 2;\n  }\n}\n',
  },
  "a module imports one that imports it": {
    path: "src/engine/ring-a.ts",
    text: 'import { b } from "./ring-b.ts";\nexport const a = (): unknown => b;\n',
    rule: "import(no-cycle)",
  },
  "a file that a cycle needs": {
    path: "src/engine/ring-b.ts",
    text: 'import { a } from "./ring-a.ts";\nexport const b = (): unknown => a;\n',
    rule: "import(no-cycle)",
  },
  "a module has a default export": { path: "src/engine/z7.ts", text: "export default 1;\n", rule: "import(no-default-export)" },
  "the library prints": { path: "src/engine/z8.ts", text: 'console.log("x");\n', rule: "eslint(no-console)" },
  "the command line prints": { path: "src/cli/e.ts", text: 'console.log("x");\n' },
};

/** What the cases import. */
const stock = "export const x: number = 1;\nexport interface X {\n  readonly x: number;\n}\n";
const stockPlaces = [
  ...["core", "policy", "ports", "engine", "client", "durable", "gateway", "testing"].map((folder) => `src/${folder}/x.ts`),
  ...["clock", "store/memory", "store/sqlite"].map((folder) => `src/adapters/${folder}/x.ts`),
  "test/x.ts",
];

describe("the lint rules of this repository", () => {
  let findings: readonly Finding[] = [];
  beforeAll(async () => {
    findings = await lint({
      ...Object.fromEntries(stockPlaces.map((path) => [path, stock])),
      ...Object.fromEntries(Object.values(cases).map(({ path, text }) => [path, text])),
    });
  }, 60_000);

  const rulesOn = (path: string): readonly string[] => [...new Set(findings.filter(({ file }) => file === path).map(({ rule }) => rule))];

  const bad = Object.entries(cases).filter(([, { rule }]) => rule !== undefined);
  test.each(bad)("refuse it when %s", (_sentence, { path, rule }) => {
    expect(rulesOn(path)).toContain(rule);
  });

  const good = Object.entries(cases).filter(([, { rule }]) => rule === undefined);
  test.each(good)("are quiet when %s", (_sentence, { path }) => {
    expect(rulesOn(path)).toEqual([]);
  });

  test("no two cases share a file", () => {
    const paths = new Set(Object.values(cases).map(({ path }) => path));
    expect(paths.size).toBe(Object.keys(cases).length);
  });
});
