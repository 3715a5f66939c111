import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

export type Tone = "good" | "warn" | "bad" | "info" | "idle" | "accent";

export interface ChipLook {
  readonly tone: Tone;
  readonly icon: LucideIcon;
  readonly word: string;
}

interface ChipProps extends ChipLook {
  /** What else there is to say, on hover. */
  readonly title?: string | undefined;
}

/** A state: always a word and an icon, so that its colour only helps. */
export function Chip({ tone, icon: Icon, word, title }: ChipProps): ReactNode {
  return (
    <span className={`chip tone-${tone}`} title={title}>
      <Icon size={12} strokeWidth={2.25} aria-hidden />
      {word}
    </span>
  );
}
