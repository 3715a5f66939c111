import { CircleStop } from "lucide-react";
import type { ReactNode } from "react";
import { useEffect } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { ApiError, type Answer } from "../../api/client.ts";
import { useSession } from "../../api/session.tsx";
import { useAction, useApi } from "../../api/use-api.ts";
import { Link } from "../../router/link.tsx";
import { hrefOf } from "../../router/location.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { count } from "../../ui/numbers.ts";
import { Read } from "../../ui/read.tsx";
import { REPLAY, REPLAYED } from "../../ui/states.ts";
import type { Group } from "./groups-page.tsx";

type Run = Answer<"GET /v1/replays/{id}">;

interface RunCardProps {
  readonly id: string;
  readonly group: Group;
  readonly onClose: () => void;
}

const WHILE_RUNNING_MS = 400;
const SHOWN = 8;

/** A replay as it goes: what passed, what failed, and the button that ends it. */
export function RunCard({ id, group, onClose }: RunCardProps): ReactNode {
  const client = useQueryClient();
  const run = useApi("GET /v1/replays/{id}", { params: { id } }, { everyMs: WHILE_RUNNING_MS });
  const stop = useAction("POST /v1/replays/{id}/stop", ["GET /v1/replays/{id}"]);
  const { mayOperate } = useSession();
  const state = run.data?.state;
  const settled = run.data === undefined ? 0 : run.data.resolved + run.data.failedAgain + run.data.skipped;
  useEffect(() => {
    for (const name of ["GET /v1/dead-letters/groups/{fingerprint}", "GET /v1/dead-letters/groups", "GET /v1/dead-letters"]) {
      void client.invalidateQueries({ queryKey: [name] });
    }
  }, [client, state, settled]);
  if (run.error instanceof ApiError && run.error.status === 404 && run.data === undefined) return null;
  const going = state === "running" || state === "stopping";
  return (
    <Card
      title="Replay"
      className="run-card"
      aside={
        <span className="cluster">
          {state !== undefined && <Chip {...REPLAY[state]} />}
          {going ? (
            <Button
              icon={CircleStop}
              look="danger"
              disabled={!mayOperate || state === "stopping"}
              busy={stop.isPending}
              onClick={() => stop.mutate({ params: { id } })}
            >
              Stop
            </Button>
          ) : (
            <Button look="quiet" onClick={onClose}>
              Close
            </Button>
          )}
        </span>
      }
    >
      <Read of={run}>{(read) => <Progress run={read} group={group} />}</Read>
    </Card>
  );
}

function Progress({ run, group }: { readonly run: Run; readonly group: Group }): ReactNode {
  const { resolved, failedAgain, skipped, stopped, error, entries } = run;
  const all = Math.max(1, resolved + failedAgain + skipped + (run.endedAt === undefined ? group.open : 0));
  const part = (amount: number): string => `${(amount / all) * 100}%`;
  return (
    <div className="stack">
      <div
        className="run-bar"
        role="img"
        aria-label={`${count(resolved)} resolved, ${count(failedAgain)} failed again, ${count(skipped)} skipped`}
      >
        <span className="run-resolved" style={{ width: part(resolved) }} />
        <span className="run-failed" style={{ width: part(failedAgain) }} />
        <span className="run-skipped" style={{ width: part(skipped) }} />
      </div>
      <p className="cluster" aria-live="polite">
        <strong>{count(resolved)}</strong> resolved <span className="faint">·</span> <strong>{count(failedAgain)}</strong> failed again{" "}
        <span className="faint">·</span> <strong>{count(skipped)}</strong> skipped
      </p>
      {stopped !== undefined && <p className="notice tone-warn">It ended before its last letter: {stopped}.</p>}
      {error !== undefined && <p className="notice tone-bad">{error}</p>}
      <ol className="run-entries">
        {[...entries]
          .reverse()
          .slice(0, SHOWN)
          .map((entry) => (
            <li key={entry.id}>
              <Chip {...REPLAYED[entry.result]} />
              <Link className="link mono" href={hrefOf(["dead-letters", "letter", entry.id])}>
                …{entry.id.slice(-8)}
              </Link>
              <span className="soft clip">{entry.because}</span>
            </li>
          ))}
      </ol>
    </div>
  );
}
