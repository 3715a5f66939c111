import type { LucideIcon } from "lucide-react";
import { Bell, CircleSlash, MailX, PauseCircle, RefreshCcwDot, RotateCcw } from "lucide-react";
import type { Item } from "../../api/client.ts";
import { hrefOf } from "../../router/location.ts";
import { span } from "../../time/format.ts";
import { groupWords } from "../dead-letters/group-words.ts";
import { plural } from "../../ui/numbers.ts";

/** Something that waits for a person, and where to go about it. */
export interface Attention {
  readonly key: string;
  readonly tone: "bad" | "warn" | "info";
  readonly icon: LucideIcon;
  readonly title: string;
  readonly detail: string;
  readonly href: string;
  /** Since when. */
  readonly at?: number | undefined;
}

export interface Seen {
  readonly lanes: readonly Item<"GET /v1/lanes">[];
  readonly groups: readonly Item<"GET /v1/dead-letters/groups">[];
  readonly alerts: readonly Item<"GET /v1/alerts">[];
  readonly syncs: readonly Item<"GET /v1/syncs">[];
  readonly now: number;
}

const ORDER: Readonly<Record<Attention["tone"], number>> = { bad: 0, warn: 1, info: 2 };

/** What needs a person now, the most urgent first. What mends itself, such as an open breaker, is told after what does not. */
export function attentionOf({ lanes, groups, alerts, syncs, now }: Seen): readonly Attention[] {
  const found: Attention[] = [];
  for (const { rule, subject, tier, since, words } of alerts) {
    const href = hrefOf(["alerts"]);
    found.push({
      key: `alert ${rule} ${subject}`,
      tone: tier === "critical" ? "bad" : "warn",
      icon: Bell,
      title: words,
      detail: subject,
      href,
      at: since,
    });
  }
  for (const group of groups) {
    const { fingerprint, open, state, regressed, lastAt } = group;
    if (state !== "open" || open === 0) continue;
    const { headline: title, where } = groupWords(group);
    const detail = `${plural(open, "dead letter")} of ${where}${regressed ? ", again after it was resolved" : ""}`;
    const href = hrefOf(["dead-letters", fingerprint]);
    found.push({ key: fingerprint, tone: "bad", icon: regressed ? RotateCcw : MailX, title, detail, href, at: lastAt });
  }
  for (const { sync, heldSince, lastRun } of syncs) {
    if (heldSince === null) continue;
    const blockers = lastRun?.watermark?.blockedBy.length ?? 0;
    const detail = `held for ${span(now - heldSince)}${blockers === 0 ? "" : ` by ${plural(blockers, "record")}`}`;
    found.push({
      key: `sync ${sync}`,
      tone: "warn",
      icon: RefreshCcwDot,
      title: `The watermark of ${sync} does not move`,
      detail,
      href: hrefOf(["syncs", sync]),
      at: heldSince,
    });
  }
  for (const { id, api, endpoint, breaker, because, holds, queue } of lanes) {
    const href = hrefOf(["lanes", id]);
    const waiting = queue.due + queue.parked;
    const rest = waiting === 0 ? "" : `; ${plural(waiting, "operation")} wait for it`;
    const hold = holds[0];
    if (hold !== undefined) {
      const title = `${api} ${endpoint} is ${hold.what === "paused" ? "paused" : `held ${hold.what}`}`;
      found.push({
        key: `hold ${id}`,
        tone: "info",
        icon: PauseCircle,
        title,
        detail: `by ${hold.by}${hold.why === undefined ? "" : `: ${hold.why}`}`,
        href,
        at: hold.since,
      });
    } else if (breaker === "open" || breaker === "half-open") {
      found.push({
        key: `breaker ${id}`,
        tone: "warn",
        icon: CircleSlash,
        title: `The breaker of ${api} ${endpoint} is ${breaker}`,
        detail: `${because}${rest}`,
        href,
      });
    }
  }
  return found.sort((a, b) => ORDER[a.tone] - ORDER[b.tone] || (b.at ?? 0) - (a.at ?? 0));
}
