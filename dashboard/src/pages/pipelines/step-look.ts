import { CircleCheck, CircleDashed, CircleX, MailX } from "lucide-react";
import type { Item } from "../../api/client.ts";
import type { ChipLook } from "../../ui/chip.tsx";

export type Run = Item<"GET /v1/pipelines/{pipeline}/runs">;
export type StepState = Run["steps"][number]["state"] | "ahead";

export const STEP: Readonly<Record<StepState, ChipLook>> = {
  done: { tone: "good", icon: CircleCheck, word: "done" },
  failed: { tone: "bad", icon: CircleX, word: "failed" },
  parked: { tone: "bad", icon: MailX, word: "dead letter" },
  ahead: { tone: "idle", icon: CircleDashed, word: "ahead" },
};

export const RUN: Readonly<Record<Run["state"], ChipLook>> = {
  open: { tone: "info", icon: CircleDashed, word: "open" },
  succeeded: { tone: "good", icon: CircleCheck, word: "succeeded" },
  failed: { tone: "bad", icon: CircleX, word: "failed" },
};
