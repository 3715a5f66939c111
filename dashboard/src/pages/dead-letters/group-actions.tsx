import { CheckCheck, CircleCheck, EyeOff, Undo2, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { useSession } from "../../api/session.tsx";
import { useAction } from "../../api/use-api.ts";
import { Button } from "../../ui/button.tsx";
import type { Group } from "./groups-page.tsx";

interface Step {
  readonly to: Group["state"];
  readonly word: string;
  readonly icon: LucideIcon;
}

const ACKNOWLEDGE: Step = { to: "acknowledged", word: "Acknowledge", icon: CheckCheck };
const RESOLVE: Step = { to: "resolved", word: "Resolve", icon: CircleCheck };
const IGNORE: Step = { to: "ignored", word: "Ignore", icon: EyeOff };
const REOPEN: Step = { to: "open", word: "Re-open", icon: Undo2 };

const STEPS: Readonly<Record<Group["state"], readonly Step[]>> = {
  open: [ACKNOWLEDGE, RESOLVE, IGNORE],
  acknowledged: [RESOLVE, IGNORE, REOPEN],
  resolved: [REOPEN],
  ignored: [REOPEN],
};

/** Where a group can go from where it stands, as in an error tracker. */
export function GroupActions({ group }: { readonly group: Group }): ReactNode {
  const { mayOperate } = useSession();
  const action = useAction("POST /v1/dead-letters/groups/{fingerprint}/state", [
    "GET /v1/dead-letters/groups",
    "GET /v1/dead-letters/groups/{fingerprint}",
  ]);
  return (
    <>
      {action.error !== null && (
        <span role="alert" className="form-error">
          {action.error.message}
        </span>
      )}
      {STEPS[group.state].map(({ to, word, icon }) => (
        <Button
          key={to}
          icon={icon}
          disabled={!mayOperate}
          busy={action.isPending}
          look={to === "resolved" && group.open === 0 ? "primary" : "plain"}
          onClick={() => action.mutate({ params: { fingerprint: group.fingerprint }, body: { state: to } })}
        >
          {word}
        </Button>
      ))}
    </>
  );
}
