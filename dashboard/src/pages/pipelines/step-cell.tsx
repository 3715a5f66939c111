import type { ReactNode } from "react";
import { reasonOf } from "../attempts/waterfall.ts";
import { STEP, type Run } from "./step-look.ts";

/** One step of one run, in a matrix of many. */
export function StepCell({ step }: { readonly step: Run["steps"][number] | undefined }): ReactNode {
  const { icon: Icon, word, tone } = STEP[step?.state ?? "ahead"];
  return (
    <span className={`step-cell step-${tone}`} title={step?.because === undefined ? word : `${word}: ${reasonOf(step.because)}`}>
      <Icon size={14} aria-hidden />
      {word}
    </span>
  );
}
