import { Ban } from "lucide-react";
import { useState, type ReactNode } from "react";
import { ApiError, type Answer } from "../../api/client.ts";
import { useSession } from "../../api/session.tsx";
import { useAction, useApi } from "../../api/use-api.ts";
import { PageHead } from "../../layout/page-head.tsx";
import { Link } from "../../router/link.tsx";
import { hrefOf } from "../../router/location.ts";
import { instant, span } from "../../time/format.ts";
import { useNow } from "../../time/use-now.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Empty } from "../../ui/empty.tsx";
import { Facts } from "../../ui/facts.tsx";
import { TextField } from "../../ui/fields.tsx";
import { Labels } from "../../ui/labels.tsx";
import { Read } from "../../ui/read.tsx";
import { OPERATION } from "../../ui/states.ts";
import { BytesView, RequestView } from "../attempts/request-view.tsx";
import { reasonOf } from "../attempts/waterfall.ts";
import { Waterfall } from "../attempts/waterfall-view.tsx";
import { pathOf } from "./path-of.ts";

type Operation = Answer<"GET /v1/operations/{id}">;

/** One operation: every attempt and wait, each with its reason. */
export function OperationPage({ id }: { readonly id: string }): ReactNode {
  const found = useApi("GET /v1/operations/{id}", { params: { id } }, { everyMs: 2_000 });
  if (found.error instanceof ApiError && found.error.status === 404) return <NotThere id={id} />;
  return (
    <Read of={found} head={<PageHead up={{ href: hrefOf(["operations"]), title: "Operations" }} title={id} mono />}>
      {(operation) => <Whole operation={operation} />}
    </Read>
  );
}

function NotThere({ id }: { readonly id: string }): ReactNode {
  const letter = useApi("GET /v1/dead-letters/{id}", { params: { id } });
  return (
    <>
      <PageHead up={{ href: hrefOf(["operations"]), title: "Operations" }} title={id} mono />
      <Card>
        <Empty
          title="There is no such operation"
          action={
            letter.data === undefined ? undefined : (
              <Link className="button" href={hrefOf(["dead-letters", letter.data.fingerprint, id])}>
                Open its dead letter
              </Link>
            )
          }
        >
          Ended operations are kept for a while only. Calls that were not queued leave no operation; what failed for good is among the dead
          letters.
        </Empty>
      </Card>
    </>
  );
}

function Whole({ operation }: { readonly operation: Operation }): ReactNode {
  const now = useNow();
  const { id, api, endpoint, partition, state, since, request, attempts, answer, key, labels, acceptedAt, because } = operation;
  const ended = state === "succeeded" || state === "dead" || state === "cancelled";
  const lane = `${encodeURIComponent(api)}:${endpoint}${partition === "" ? "" : `#${partition}`}`;
  return (
    <>
      <PageHead
        up={{ href: hrefOf(["operations"]), title: "Operations" }}
        title={`${request.method} ${pathOf(request.url)}`}
        mono
        chips={<Chip {...OPERATION[state]} />}
        about={because === undefined ? undefined : reasonOf(because)}
        actions={ended ? undefined : <Cancel id={id} />}
      />
      <div className="two-thirds">
        <div className="stack">
          <Card title="What happened">
            <Waterfall acceptedAt={acceptedAt} attempts={attempts} waiting={waitOf(operation)} now={now} />
          </Card>
          {answer !== undefined && (
            <Card title={answer.status === undefined ? "Its answer" : `Its answer, ${answer.status}`}>
              <BytesView bytes={answer.body} />
            </Card>
          )}
          <Card title="Request">
            <RequestView request={request} />
          </Card>
        </div>
        <Card title="About it">
          <Facts
            of={[
              ["Id", <code key="id">{id}</code>],
              [
                "Lane",
                <Link key="lane" className="link" href={hrefOf(["lanes", lane])}>
                  {api} {endpoint}
                </Link>,
              ],
              ["Account", partition],
              ["Accepted", instant(acceptedAt)],
              [ended ? "Ended" : "Since", instant(since)],
              ["Took", ended ? span(since - acceptedAt) : undefined],
              ["Parked until", operation.parkedUntil === undefined ? undefined : instant(operation.parkedUntil)],
              ["Expires", operation.expiresAt === undefined ? undefined : instant(operation.expiresAt)],
              ["Worker", operation.worker],
              ["Idempotency key", key === undefined ? undefined : <code key="key">{key}</code>],
              ["Labels", Object.keys(labels).length === 0 ? undefined : <Labels key="labels" of={labels} />],
            ]}
          />
          {state === "dead" && (
            <Link className="link" href={hrefOf(["dead-letters", "letter", id])}>
              Its dead letter
            </Link>
          )}
        </Card>
      </div>
    </>
  );
}

function waitOf({
  state,
  parkedUntil,
  because,
  leaseUntil,
}: Operation): { readonly until?: number | undefined; readonly why: string } | undefined {
  switch (state) {
    case "parked":
      return { until: parkedUntil, why: because === undefined ? "it is parked" : reasonOf(because) };
    case "ready":
      return { why: "it waits for its turn: for a worker, and for what its lane lets through" };
    case "leased":
      return leaseUntil === undefined ? undefined : { why: "a worker has it" };
    case "succeeded":
    case "dead":
    case "cancelled":
      return undefined;
  }
}

function Cancel({ id }: { readonly id: string }): ReactNode {
  const [asked, setAsked] = useState(false);
  const [reason, setReason] = useState("");
  const { mayOperate } = useSession();
  const action = useAction("POST /v1/operations/{id}/cancel", ["GET /v1/operations", "GET /v1/operations/{id}"]);
  const close = (): void => setAsked(false);
  return (
    <>
      <Button icon={Ban} look="danger" disabled={!mayOperate} onClick={() => setAsked(true)}>
        Cancel it
      </Button>
      {asked && (
        <Dialog title="Cancel the operation" onClose={close}>
          <p className="soft">It is not sent any more. An attempt that is under way may still succeed.</p>
          <TextField label="Why" value={reason} onChange={setReason} hint="Stands with the operation and in the audit log." />
          {action.error !== null && (
            <p role="alert" className="form-error">
              {action.error.message}
            </p>
          )}
          <div className="dialog-foot">
            <Button onClick={close}>Let it go on</Button>
            <Button
              look="danger"
              busy={action.isPending}
              onClick={() => action.mutate({ params: { id }, body: reason === "" ? {} : { reason } }, { onSuccess: close })}
            >
              Cancel it
            </Button>
          </div>
        </Dialog>
      )}
    </>
  );
}
