/** Where a worker can be made to die: before a step, while it is under way, and when it is done but nobody has been told. */
const VERBS = ["accept", "backlog", "claim", "get", "settle", "extend", "reap", "sweep"] as const;
const MOMENTS = ["before", "during", "after"] as const;

export type Verb = (typeof VERBS)[number];
export type Step = Verb | "send" | "reconcile";
export type CrashPoint = `${Step}:${(typeof MOMENTS)[number]}`;

/** Every named crash point. `after` of a write is after its commit, before its caller hears of it. */
export const CRASH_POINTS: readonly CrashPoint[] = [...VERBS, "send", "reconcile"].flatMap((step) =>
  MOMENTS.map((moment) => `${step}:${moment}` as CrashPoint),
);

export const STORE_VERBS: readonly Verb[] = VERBS;
