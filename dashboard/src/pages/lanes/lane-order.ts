import type { Item } from "../../api/client.ts";

export type Lane = Item<"GET /v1/lanes">;

const URGENCY: Readonly<Record<Lane["breaker"], number>> = { open: 0, "half-open": 1, closed: 3, none: 3, unknown: 4 };

/** What calls for somebody first, then by name: a list that does not jump while it is read. */
export function inOrder(lanes: readonly Lane[]): readonly Lane[] {
  const urgency = ({ breaker, holds }: Lane): number => (holds.length > 0 ? Math.min(2, URGENCY[breaker]) : URGENCY[breaker]);
  return [...lanes].sort((a, b) => urgency(a) - urgency(b) || a.id.localeCompare(b.id));
}
