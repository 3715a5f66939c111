import { FlaskConical, Play } from "lucide-react";
import { useState, type ReactNode } from "react";
import type { Item, RouteName } from "../../api/client.ts";
import { useSession } from "../../api/session.tsx";
import { useAction } from "../../api/use-api.ts";
import { Button } from "../../ui/button.tsx";
import { TextField } from "../../ui/fields.tsx";
import { count } from "../../ui/numbers.ts";
import type { Group } from "./groups-page.tsx";
import type { Patch } from "./patch.ts";

interface ReplayFormProps {
  readonly group: Group;
  readonly letters: readonly Item<"GET /v1/dead-letters">[];
  readonly patch: Patch | undefined;
  /** What stands in the editor is no patch. */
  readonly broken: boolean;
  /** Why sending a letter again may do it twice, where that is so. */
  readonly doubt: string | undefined;
  readonly onRun: (id: string) => void;
}

const CHANGES: readonly RouteName[] = [
  "GET /v1/dead-letters/groups",
  "GET /v1/dead-letters/groups/{fingerprint}",
  "GET /v1/dead-letters",
  "GET /v1/replays",
  "GET /v1/audit",
];

/** Sends letters again: a few that say whether it works, or all of them behind such a few. */
export function ReplayForm({ group, letters, patch, broken, doubt, onRun }: ReplayFormProps): ReactNode {
  const [canary, setCanary] = useState("1");
  const [perSecond, setPerSecond] = useState("10");
  const [confirmed, setConfirmed] = useState(false);
  const [reason, setReason] = useState("");
  const { mayOperate } = useSession();
  const action = useAction("POST /v1/dead-letters/replay", CHANGES);
  const few = Math.max(1, Math.min(letters.length, Math.floor(Number(canary)) || 1));
  const speed = Number(perSecond);
  const send = (which: { readonly ids: readonly string[] } | { readonly group: string; readonly canary: number }): void => {
    const body = {
      ...which,
      ...(speed > 0 ? { rate: speed } : {}),
      ...(patch === undefined ? {} : { patch }),
      ...(confirmed ? { confirm: true } : {}),
      ...(reason === "" ? {} : { reason }),
    };
    action.mutate({ body }, { onSuccess: ({ id }) => onRun(id) });
  };
  const off = !mayOperate || broken || (doubt !== undefined && !confirmed);
  const title = mayOperate ? undefined : "Your token has not the scope “operate”";
  return (
    <div className="stack">
      {doubt !== undefined && (
        <label className="notice tone-warn">
          <input type="checkbox" checked={confirmed} onChange={(event) => setConfirmed(event.target.checked)} />
          <span>
            <strong>It may have happened already:</strong> {doubt}. Send it all the same.
          </span>
        </label>
      )}
      <div className="replay-form">
        <TextField label="Canary" type="number" value={canary} onChange={setCanary} hint="So many go first" />
        <TextField label="Letters a second" type="number" value={perSecond} onChange={setPerSecond} hint="After the canary" />
        <TextField label="Why" value={reason} onChange={setReason} placeholder="For the audit log" hint="Optional" />
      </div>
      {action.error !== null && (
        <p role="alert" className="form-error">
          {action.error.message}
        </p>
      )}
      <div className="cluster">
        <Button
          icon={FlaskConical}
          disabled={off}
          busy={action.isPending}
          title={title}
          onClick={() => send({ ids: letters.slice(0, few).map(({ id }) => id) })}
        >
          {few === 1 ? "Send one as a canary" : `Send ${count(few)} as canaries`}
        </Button>
        <Button
          icon={Play}
          look="primary"
          disabled={off}
          busy={action.isPending}
          title={title}
          onClick={() => send({ group: group.fingerprint, canary: few })}
        >
          {group.open === 1 ? "Replay it" : `Replay all ${count(group.open)}`}
        </Button>
        <span className="hint">A run ends by itself when a canary fails, or the same error comes back.</span>
      </div>
    </div>
  );
}
