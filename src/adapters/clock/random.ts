import type { Random } from "../../ports/random.ts";

/** The machine's own chance. */
export const systemRandom: Random = () => Math.random();

/** Random bytes fit for secrets. */
export function secureBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}
