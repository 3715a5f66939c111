import { afterAll, describe, it } from "vitest";
import { storeConformance, type It, type StoreConformanceOptions } from "../../src/testing/store-conformance.ts";
import { pooledSqlite, sqliteSubject } from "./sqlite-subject.ts";

/**
 * The whole suite, in two parts, because a store of its own for each of its tests is two threads to start. Rules about one
 * handle share a store, emptied between them; rules about opening, closing, sharing and crashing have their own.
 */
const PARTS = { coordinator: true, watermarks: true, steps: true, inbox: true, documents: true };
const LIFECYCLE = "opening, checking, closing";

/** The rules bring their own assertions. */
const register: It = it;

/** Rules that the first part left to the second. */
const left = new Set<string>();

/** Registers the wanted rules of the suite, and notes the others. */
function suite(
  options: Pick<StoreConformanceOptions, "name" | "create" | "capabilities">,
  wanted: (rule: string, section: string) => boolean,
): void {
  const sections = new Map<string, (() => void)[]>();
  let current = "";
  const choose: It = Object.assign(
    (rule: string, body: () => Promise<void>): void => {
      if (wanted(rule, current)) sections.set(current, [...(sections.get(current) ?? []), () => register(rule, body)]);
      else left.add(rule);
    },
    { skip: (rule: string): void => void left.add(rule.replace(/ \(skipped: .*\)$/, "")) },
  );
  storeConformance({
    ...options,
    it: choose,
    describe: (name, body) => {
      current = name;
      body();
    },
  });
  for (const [section, rules] of sections) {
    describe(`${options.name}: ${section}`, () => {
      for (const rule of rules) rule();
    });
  }
}

const pool = pooledSqlite();
afterAll(() => pool.end());
suite({ name: "sqlite", create: pool.subject, capabilities: PARTS }, (_rule, section) => section !== LIFECYCLE);
suite(
  { name: "sqlite, of its own", create: sqliteSubject, capabilities: { ...PARTS, shared: true, persistent: true, crash: true } },
  (rule) => left.has(rule),
);
