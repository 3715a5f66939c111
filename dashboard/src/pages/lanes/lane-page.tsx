import type { ReactNode } from "react";
import { useApi } from "../../api/use-api.ts";
import { PageHead } from "../../layout/page-head.tsx";
import { Link } from "../../router/link.tsx";
import { hrefOf } from "../../router/location.ts";
import { instant, span } from "../../time/format.ts";
import { useNow } from "../../time/use-now.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { Facts } from "../../ui/facts.tsx";
import { count } from "../../ui/numbers.ts";
import { Read } from "../../ui/read.tsx";
import { BREAKER } from "../../ui/states.ts";
import { Ago } from "../../ui/time.tsx";
import { HoldChip } from "./hold-chip.tsx";
import { LaneActions } from "./lane-actions.tsx";
import { LaneHistoryCard } from "./lane-history-card.tsx";
import type { Lane } from "./lane-order.ts";

/** One lane, and what a person can do about it. */
export function LanePage({ id }: { readonly id: string }): ReactNode {
  const lane = useApi("GET /v1/lanes/{lane}", { params: { lane: id } }, { everyMs: 2_000 });
  return (
    <Read of={lane} head={<PageHead up={{ href: hrefOf(["lanes"]), title: "Lanes" }} title={id} mono />}>
      {(read) => (
        <>
          <PageHead
            up={{ href: hrefOf(["lanes"]), title: "Lanes" }}
            title={`${read.api} ${read.endpoint}`}
            mono
            chips={
              <>
                <Chip {...BREAKER[read.breaker]} />
                {read.holds.map((hold) => (
                  <HoldChip key={hold.what} hold={hold} />
                ))}
              </>
            }
            about={aboutOf(read)}
            actions={<LaneActions lane={read} />}
          />
          <div className="two-thirds">
            <div className="stack">
              <LaneHistoryCard lane={read} />
              <Queue lane={read} />
            </div>
            <Holds lane={read} />
          </div>
        </>
      )}
    </Read>
  );
}

/** Why it is where it is; of a lane that another process calls, what is known of its breaker. */
function aboutOf({ breaker, because, lastChange }: Lane): ReactNode {
  if (breaker !== "unknown" || lastChange === undefined) return because;
  return (
    <>
      another process called it; its breaker was {lastChange.to} <Ago at={lastChange.at} />
    </>
  );
}

function Queue({ lane }: { readonly lane: Lane }): ReactNode {
  const now = useNow();
  const { queue, inFlight, waiting, id, api, partition } = lane;
  return (
    <Card
      title="What goes through it"
      aside={
        <Link className="link" href={hrefOf(["operations"], { lane: id })}>
          Operations of this lane
        </Link>
      }
    >
      <Facts
        of={[
          ["In this state since", lane.since === undefined ? undefined : <Ago key="since" at={lane.since} />],
          ["Next probe", lane.probeAt === undefined ? undefined : <Ago key="probe" at={lane.probeAt} />],
          ["Calls its limits let go now", lane.tokens === undefined ? undefined : count(Math.floor(lane.tokens))],
          ["Retries its budget allows", lane.retryBudget === undefined ? undefined : count(Math.floor(lane.retryBudget))],
          ["In flight", count(inFlight)],
          ["Waiting inline", count(waiting)],
          ["Due in the queue", queue.paused ? `${count(queue.due)}, paused` : count(queue.due)],
          ["Being worked on", count(queue.leased)],
          ["Parked", count(queue.parked)],
          ["Backlog age", queue.oldestDueAt === undefined ? undefined : span(now - queue.oldestDueAt)],
          ["Next falls due", queue.nextDueAt === undefined ? undefined : <Ago key="due" at={queue.nextDueAt} />],
          ["API", api],
          ["Account", partition],
        ]}
      />
    </Card>
  );
}

function Holds({ lane: { holds } }: { readonly lane: Lane }): ReactNode {
  return (
    <Card title="Held by people">
      {holds.length === 0 ? (
        <p className="soft">Nobody holds it: the breaker goes by what it sees, and the queue by the lane's limits.</p>
      ) : (
        holds.map(({ what, by, why, since, until }) => (
          <Facts
            key={what}
            of={[
              ["What", what === "paused" ? "the queue is paused" : `the breaker is held ${what}`],
              ["By", by],
              ["Since", instant(since)],
              ["Until", until === undefined ? "somebody ends it" : instant(until)],
              ["Why", why],
            ]}
          />
        ))
      )}
    </Card>
  );
}
