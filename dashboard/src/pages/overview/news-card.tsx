import { CircleSlash, MailX, Network, Timer, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import type { LiveEvent } from "../../live/live-events.ts";
import { useLive } from "../../live/live-provider.tsx";
import { hrefOf } from "../../router/location.ts";
import { Link } from "../../router/link.tsx";
import { span, timeOfDay } from "../../time/format.ts";
import { Card } from "../../ui/card.tsx";
import { Empty } from "../../ui/empty.tsx";

interface News {
  readonly icon: LucideIcon;
  readonly title: string;
  readonly detail: string;
  readonly href: string;
}

const SHOWN = 14;

/** What has just happened, as long as the page is open. */
export function NewsCard(): ReactNode {
  const { recent } = useLive();
  return (
    <Card title="Just now" flush>
      {recent.length === 0 ? (
        <Empty title="Quiet so far">Breakers that change, limits that are hit and new dead letters appear here as they happen.</Empty>
      ) : (
        <ol className="news">
          {recent.slice(0, SHOWN).map((event) => (
            <NewsLine key={`${event.at} ${event.name} ${JSON.stringify(event.data)}`} event={event} />
          ))}
        </ol>
      )}
    </Card>
  );
}

function NewsLine({ event }: { readonly event: LiveEvent }): ReactNode {
  const news = newsOf(event);
  if (news === undefined) return null;
  const { icon: Icon, title, detail, href } = news;
  return (
    <li>
      <Link href={href}>
        <Icon size={13} aria-hidden className="faint" />
        <span className="cell-two">
          <span className="clip">{title}</span>
          <span className="clip">{detail}</span>
        </span>
        <time className="faint">{timeOfDay(event.at)}</time>
      </Link>
    </li>
  );
}

function newsOf({ name, data }: LiveEvent): News | undefined {
  const lane = data["lane"] as { readonly api: string; readonly endpoint: string } | undefined;
  const where = lane === undefined ? "" : `${lane.api} ${lane.endpoint}`;
  const lanes = hrefOf(["lanes"], { api: lane?.api });
  switch (name) {
    case "breaker:changed":
      return { icon: CircleSlash, title: `${where} is ${String(data["to"])}`, detail: String(data["because"]), href: lanes };
    case "limiter:paused":
      return { icon: Timer, title: `${where} rests for ${span(Number(data["pauseMs"]))}`, detail: String(data["because"]), href: lanes };
    case "dead-letter:added":
      return {
        icon: MailX,
        title: String(data["title"]),
        detail: `dead letter, ${String(data["reason"])}`,
        href: hrefOf(["dead-letters", String(data["fingerprint"])]),
      };
    case "lanes:overflow":
      return {
        icon: Network,
        title: `${String(data["api"])} has too many endpoints`,
        detail: "the rest share one lane",
        href: hrefOf(["lanes"], { api: String(data["api"]) }),
      };
    default:
      return undefined;
  }
}
