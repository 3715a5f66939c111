import {
  Ban,
  CheckCheck,
  CircleCheck,
  CircleDashed,
  CircleDot,
  CircleHelp,
  CircleMinus,
  CirclePause,
  CircleSlash,
  CircleX,
  EyeOff,
  Loader,
  RotateCcw,
  Timer,
  TriangleAlert,
} from "lucide-react";
import type { Answer, Item } from "../api/client.ts";
import type { ChipLook } from "./chip.tsx";

type Lane = Item<"GET /v1/lanes">;
type OperationState = Item<"GET /v1/operations">["state"];
type Group = Item<"GET /v1/dead-letters/groups">;
type LetterState = Item<"GET /v1/dead-letters">["state"];
type Verdict = Answer<"GET /v1/operations/{id}">["attempts"][number]["verdict"]["kind"];
type RunState = Item<"GET /v1/replays">["state"];

/** How every state looks: one place, so that a word, its icon and its colour are the same on each page. */
export const BREAKER: Readonly<Record<Lane["breaker"], ChipLook>> = {
  closed: { tone: "good", icon: CircleCheck, word: "closed" },
  open: { tone: "bad", icon: CircleSlash, word: "open" },
  "half-open": { tone: "warn", icon: CircleDashed, word: "half-open" },
  none: { tone: "idle", icon: CircleMinus, word: "no breaker" },
  unknown: { tone: "idle", icon: CircleHelp, word: "not called here" },
};

export const OPERATION: Readonly<Record<OperationState, ChipLook>> = {
  ready: { tone: "info", icon: CircleDot, word: "ready" },
  leased: { tone: "accent", icon: Loader, word: "leased" },
  parked: { tone: "warn", icon: CirclePause, word: "parked" },
  succeeded: { tone: "good", icon: CircleCheck, word: "succeeded" },
  dead: { tone: "bad", icon: CircleX, word: "dead" },
  cancelled: { tone: "idle", icon: Ban, word: "cancelled" },
};

export const GROUP: Readonly<Record<Group["state"], ChipLook>> = {
  open: { tone: "bad", icon: TriangleAlert, word: "open" },
  acknowledged: { tone: "info", icon: CheckCheck, word: "acknowledged" },
  resolved: { tone: "good", icon: CircleCheck, word: "resolved" },
  ignored: { tone: "idle", icon: EyeOff, word: "ignored" },
};

export const REGRESSED: ChipLook = { tone: "warn", icon: RotateCcw, word: "regressed" };

export const LETTER: Readonly<Record<LetterState, ChipLook>> = {
  open: { tone: "bad", icon: CircleX, word: "open" },
  replaying: { tone: "accent", icon: Loader, word: "replaying" },
  resolved: { tone: "good", icon: CircleCheck, word: "resolved" },
  discarded: { tone: "idle", icon: Ban, word: "discarded" },
};

export const VERDICT: Readonly<Record<Verdict, ChipLook>> = {
  success: { tone: "good", icon: CircleCheck, word: "success" },
  throttled: { tone: "warn", icon: Timer, word: "throttled" },
  transient: { tone: "warn", icon: TriangleAlert, word: "transient" },
  unauthorized: { tone: "warn", icon: Ban, word: "unauthorized" },
  conflict: { tone: "info", icon: CircleMinus, word: "conflict" },
  malformed: { tone: "warn", icon: CircleHelp, word: "malformed" },
  permanent: { tone: "bad", icon: CircleX, word: "permanent" },
  cancelled: { tone: "idle", icon: Ban, word: "cancelled" },
};

export const REPLAY: Readonly<Record<RunState, ChipLook>> = {
  running: { tone: "accent", icon: Loader, word: "running" },
  stopping: { tone: "warn", icon: CirclePause, word: "stopping" },
  finished: { tone: "good", icon: CircleCheck, word: "finished" },
  failed: { tone: "bad", icon: CircleX, word: "failed" },
};

export const REPLAYED: Readonly<Record<Item<"GET /v1/replays">["entries"][number]["result"], ChipLook>> = {
  resolved: { tone: "good", icon: CircleCheck, word: "resolved" },
  "failed-again": { tone: "bad", icon: CircleX, word: "failed again" },
  skipped: { tone: "idle", icon: CircleMinus, word: "skipped" },
};

export type Health = "healthy" | "degraded" | "failing" | "quiet";

/** The health of something that is made of others. */
export const HEALTH: Readonly<Record<Health, ChipLook>> = {
  healthy: { tone: "good", icon: CircleCheck, word: "healthy" },
  degraded: { tone: "warn", icon: TriangleAlert, word: "degraded" },
  failing: { tone: "bad", icon: CircleX, word: "failing" },
  quiet: { tone: "idle", icon: CircleMinus, word: "no calls" },
};
