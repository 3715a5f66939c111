import { Hand, PauseCircle } from "lucide-react";
import type { ReactNode } from "react";
import { instant } from "../../time/format.ts";
import { Chip } from "../../ui/chip.tsx";
import type { Lane } from "./lane-order.ts";

/** That somebody has put a lane where it is. */
export function HoldChip({ hold }: { readonly hold: Lane["holds"][number] }): ReactNode {
  const { what, by, why, until } = hold;
  const title = `by ${by}${why === undefined ? "" : `: ${why}`}${until === undefined ? "" : `, until ${instant(until)}`}`;
  return (
    <Chip tone="info" icon={what === "paused" ? PauseCircle : Hand} word={what === "paused" ? "paused" : `held ${what}`} title={title} />
  );
}
