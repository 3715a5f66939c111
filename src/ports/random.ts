/** Chance: a number in [0, 1), as `Math.random` gives. Seeded in tests and in the simulator. */
export type Random = () => number;
