import type { Contender } from "./contender.ts";
import { openHoldfast } from "./holdfast.ts";
import { openBullMq, openGraphileWorker, openPgBoss } from "./peers.ts";
import { openSketch } from "./sketch.ts";

export type ContenderName = "holdfast" | "sketch" | "bullmq" | "pg-boss" | "graphile-worker";

/** Whatever is measured, by name. The base URL is for those that make calls. */
export const contenders: Readonly<Record<ContenderName, (address: string, baseUrl?: string) => Promise<Contender>>> = {
  holdfast: openHoldfast,
  sketch: openSketch,
  bullmq: openBullMq,
  "pg-boss": openPgBoss,
  "graphile-worker": openGraphileWorker,
};
