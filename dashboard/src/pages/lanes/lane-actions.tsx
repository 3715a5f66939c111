import { CircleCheck, CircleSlash, Pause, Play, Undo2, type LucideIcon } from "lucide-react";
import { useState, type SubmitEvent, type ReactNode } from "react";
import type { RouteName } from "../../api/client.ts";
import { useSession } from "../../api/session.tsx";
import { useAction } from "../../api/use-api.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Select, TextField } from "../../ui/fields.tsx";
import type { Lane } from "./lane-order.ts";

type Verb = "open" | "close" | "auto" | "pause" | "resume";

interface Act {
  readonly verb: Verb;
  readonly word: string;
  readonly icon: LucideIcon;
  readonly look?: "danger";
  /** What it does, told before it is done. */
  readonly about: string;
  /** Whether it lasts, and so may end by itself. */
  readonly lasts: boolean;
}

const ACTS: Readonly<Record<Verb, Act>> = {
  open: {
    verb: "open",
    word: "Hold open",
    icon: CircleSlash,
    look: "danger",
    lasts: true,
    about: "Nothing goes to this endpoint: inline calls are refused, and the queue waits.",
  },
  close: {
    verb: "close",
    word: "Hold closed",
    icon: CircleCheck,
    lasts: true,
    about: "Everything goes, whatever the breaker sees. Limits and budgets still hold.",
  },
  auto: { verb: "auto", word: "Give back", icon: Undo2, lasts: false, about: "The breaker goes by its own judgement again." },
  pause: {
    verb: "pause",
    word: "Pause queue",
    icon: Pause,
    lasts: true,
    about: "No operation of the queue is begun. What is under way goes on, and so do inline calls.",
  },
  resume: { verb: "resume", word: "Resume queue", icon: Play, lasts: false, about: "The queue goes on where it stopped." },
};

const SPANS = [
  ["15m", "15 minutes"],
  ["1h", "1 hour"],
  ["4h", "4 hours"],
  ["24h", "1 day"],
  ["", "until somebody ends it"],
] as const;

/** What may be done about a lane as it stands. */
export function LaneActions({ lane }: { readonly lane: Lane }): ReactNode {
  const [asked, setAsked] = useState<Act>();
  const { mayOperate } = useSession();
  const held = lane.holds.find(({ what }) => what !== "paused")?.what;
  const verbs: readonly Verb[] = [
    ...(lane.breaker === "none"
      ? []
      : held === undefined
        ? (["open", "close"] as const)
        : ([held === "open" ? "close" : "open", "auto"] as const)),
    lane.queue.paused ? "resume" : "pause",
  ];
  return (
    <>
      {verbs.map((verb) => {
        const { word, icon, look } = ACTS[verb];
        const title = mayOperate ? undefined : "Your token has not the scope “operate”";
        return (
          <Button key={verb} icon={icon} look={look ?? "plain"} disabled={!mayOperate} title={title} onClick={() => setAsked(ACTS[verb])}>
            {word}
          </Button>
        );
      })}
      {asked !== undefined && <Confirm lane={lane} act={asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

interface ConfirmProps {
  readonly lane: Lane;
  readonly act: Act;
  readonly onClose: () => void;
}

const CHANGES: readonly RouteName[] = ["GET /v1/lanes", "GET /v1/lanes/{lane}", "GET /v1/audit"];

function Confirm({ lane, act, onClose }: ConfirmProps): ReactNode {
  const [reason, setReason] = useState("");
  const [lasting, setLasting] = useState("1h");
  const action = useAction(`POST /v1/lanes/{lane}/${act.verb}`, CHANGES);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const body = { ...(reason === "" ? {} : { reason }), ...(act.lasts && lasting !== "" ? { for: lasting } : {}) };
    action.mutate({ params: { lane: lane.id }, body }, { onSuccess: onClose });
  };
  return (
    <Dialog title={act.word} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <p className="soft">
          <span className="mono">
            {lane.api} {lane.endpoint}
          </span>
          . {act.about}
        </p>
        {act.lasts && (
          <div className="labelled">
            <span className="labelled-name">For how long</span>
            <Select label="For how long" value={lasting} onChange={setLasting} options={SPANS} />
          </div>
        )}
        <TextField
          label="Why"
          value={reason}
          onChange={setReason}
          placeholder="For whoever comes next"
          hint="Stands with the lane and in the audit log."
        />
        {action.error !== null && (
          <p role="alert" className="form-error">
            {action.error.message}
          </p>
        )}
        <div className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" icon={act.icon} busy={action.isPending}>
            {act.word}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
