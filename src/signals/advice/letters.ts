import type { DeadLetterGroup } from "../../ports/dead-letter-store.ts";

/** A group of dead letters, as advice looks at it. */
export type LetterGroup = Pick<
  DeadLetterGroup,
  "fingerprint" | "title" | "api" | "endpoint" | "reason" | "state" | "open" | "firstAt" | "lastAt"
>;
