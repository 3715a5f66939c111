import { schedule } from "../policy/backoff/backoff.ts";
import type { ApiOptions } from "./api-options.ts";

/** Kinds of API that want the same treatment. */
export type ProfileName = "interactive" | "crm" | "enrichment" | "sequencer" | "webhook" | "llm" | "billing" | "job";

/** What a profile may set; everything can be overridden by the API's own options. */
export type Profile = Pick<ApiOptions, "retry" | "timeout" | "rateLimit" | "repeatable">;

/** The defaults of each kind. Base and cap of exponential backoffs with full jitter; `maxAttempts` counts all tries. */
export const profiles: Readonly<Record<ProfileName, Profile>> = Object.freeze({
  /** Somebody waits at a screen: a quick second try, and an answer within ten seconds either way. */
  interactive: { retry: { maxAttempts: 4, backoff: { first: "100ms", base: "200ms", cap: "10s" } }, timeout: { total: "10s" } },
  crm: { retry: { maxAttempts: 6, backoff: { base: "2s", cap: "60s" } }, timeout: { attempt: "30s", total: "10m" } },
  enrichment: { retry: { maxAttempts: 6, backoff: { base: "1s", cap: "60s" } }, timeout: { attempt: "30s", total: "10m" } },
  sequencer: { retry: { maxAttempts: 6, backoff: { base: "500ms", cap: "30s" } }, timeout: { attempt: "30s", total: "10m" } },
  /** A receiver that will be told again anyway: three quick tries. */
  webhook: { retry: { maxAttempts: 3, backoff: { base: "200ms", cap: "2s" } }, timeout: { attempt: "10s", total: "30s" } },
  /** A completion may be asked for again: it costs money, but changes nothing. */
  llm: { retry: { maxAttempts: 4, backoff: { base: "1s", cap: "60s" } }, timeout: { attempt: "180s", total: "15m" }, repeatable: true },
  billing: {
    retry: { maxAttempts: 5, backoff: { base: "500ms", cap: "30s" } },
    timeout: { attempt: "30s", total: "10m" },
    rateLimit: { limit: 2, per: "1s", burst: 40 },
  },
  /** A nightly job: one attempt at once, then 30, 90 and 180 s after the one before, the later ones with more time. */
  job: {
    retry: { maxAttempts: 4, backoff: schedule([0, "30s", "90s", "180s"]) },
    timeout: { attempt: ["300s", "300s", "600s", "600s"], total: "45m" },
  },
});
