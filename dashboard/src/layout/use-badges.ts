import { useApi } from "../api/use-api.ts";
import type { Tone } from "../ui/chip.tsx";
import { count, plural } from "../ui/numbers.ts";

export interface Badge {
  readonly tone: Tone;
  readonly text: string;
  readonly words: string;
}

/** What waits behind each entry of the navigation, by its path; nothing where all is well. */
export function useBadges(): Readonly<Record<string, Badge>> {
  const lanes = useApi("GET /v1/lanes").data?.items ?? [];
  const groups = useApi("GET /v1/dead-letters/groups", { query: { state: "open" } }).data?.items ?? [];
  const alerts = useApi("GET /v1/alerts").data?.items ?? [];
  const open = lanes.filter(({ breaker }) => breaker === "open" || breaker === "half-open").length;
  const letters = groups.filter(({ state }) => state === "open").reduce((sum, group) => sum + group.open, 0);
  return {
    ...(open === 0 ? {} : { lanes: { tone: "bad" as const, text: count(open), words: `${plural(open, "breaker")} open` } }),
    ...(letters === 0
      ? {}
      : { "dead-letters": { tone: "bad" as const, text: count(letters), words: `${plural(letters, "dead letter")} open` } }),
    ...(alerts.length === 0
      ? {}
      : { alerts: { tone: "warn" as const, text: count(alerts.length), words: `${plural(alerts.length, "alert")} firing` } }),
  };
}
