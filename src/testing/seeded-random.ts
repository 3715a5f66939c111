import type { Random } from "../ports/random.ts";

/**
 * A repeatable {@link Random}: the same seed gives the same numbers, on every machine, for ever. Good for tests and
 * simulations, worthless for secrets.
 *
 * The generator is sfc32 (Chris Doty-Humphrey's *Small Fast Counting* generator, from PractRand): 128 bits of state, a
 * counter that keeps every cycle at least 2³² long, and no known statistical failure. It is seeded as PractRand does it:
 * `a = 0`, the seed in `b` and `c`, twelve rounds thrown away. A text is hashed to 64 bits first (FNV-1a, twice).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { seededRandom } from "holdfast/testing";
 *
 * const one = seededRandom(42);
 * const other = seededRandom(42);
 * assert.equal(one(), other());
 * assert.notEqual(seededRandom("tuesday")(), seededRandom("wednesday")());
 * ```
 */
export function seededRandom(seed: number | string): Random {
  let a = 0;
  let [b, c] = typeof seed === "string" ? hashText(seed) : splitNumber(seed);
  let counter = 1;

  const next = (): number => {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + result;
    c |= 0;
    return (result >>> 0) / 4_294_967_296;
  };

  for (let round = 0; round < 12; round += 1) next();
  return next;
}

/** The two halves of a number's own 64 bits, so that 1 and 1.5 and 2⁴⁰ + 1 are different seeds. */
function splitNumber(seed: number): [number, number] {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, seed);
  return [view.getInt32(4), view.getInt32(0)];
}

function hashText(text: string): [number, number] {
  return [fnv1a(text, 0x811c9dc5), fnv1a(text, 0x01000193)];
}

function fnv1a(text: string, basis: number): number {
  let hash = basis;
  for (let index = 0; index < text.length; index += 1) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash;
}
