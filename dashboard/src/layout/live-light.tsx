import { Radio, WifiOff } from "lucide-react";
import type { ReactNode } from "react";
import { useLive, type Live } from "../live/live-provider.tsx";
import { count } from "../ui/numbers.ts";

const WORDS: Readonly<Record<Live["state"], string>> = { connecting: "connecting", live: "live", lost: "reconnecting" };

/** Whether the page moves by itself, and whether it missed anything. */
export function LiveLight(): ReactNode {
  const { state, missed } = useLive();
  const Icon = state === "live" ? Radio : WifiOff;
  const title =
    missed === 0
      ? "What is shown follows the gateway's events"
      : `${count(missed)} events came faster than this page reads; all that is shown was read anew`;
  return (
    <span className={`live live-${state}`} role="status" title={title}>
      <Icon size={13} aria-hidden />
      {WORDS[state]}
      {missed > 0 && <span className="live-missed">{count(missed)} missed</span>}
    </span>
  );
}
