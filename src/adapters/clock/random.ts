import type { Random } from "../../ports/random.ts";

/** The machine's own chance. */
export const systemRandom: Random = () => Math.random();
