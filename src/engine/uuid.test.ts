import { expect, it } from "vitest";
import { seededRandom } from "../testing/seeded-random.ts";
import { uuidv7 } from "./uuid.ts";

const random = seededRandom(7);
/** Later than any other test of this process asks for. */
const START = Date.UTC(2100, 0, 1);

it("is a UUID of version 7 that tells its millisecond", () => {
  const id = uuidv7(START, random);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16)).toBe(START);
});

it("sorts in the order in which ids were made, and is never the same twice: within a millisecond, past its 4096th, and when the clock steps back", () => {
  const ids: string[] = [];
  for (let made = 0; made < 10_000; made += 1) ids.push(uuidv7(START + 1, random));
  ids.push(uuidv7(START + 100, random), uuidv7(START + 50, random), uuidv7(START + 100, random));
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

it("draws its chance anew every millisecond", () => {
  const chance = (id: string): string => id.slice(19);
  const first = uuidv7(START + 1_000, random);
  expect(chance(uuidv7(START + 1_001, random))).not.toBe(chance(first));
});
