import type { Clock } from "../../ports/clock.ts";
import type { Lead } from "./lead.ts";
import type { Progress } from "./progress.ts";
import type { LeadOnItsWay, Step } from "./steps.ts";
import { workThrough, type Turn } from "./work-through.ts";

export interface JobOptions {
  readonly steps: readonly Step[];
  /** Leads on their way at once. */
  readonly open: number;
  readonly clock: Clock;
  readonly progress: Progress;
  /** Told when a lead is past its last step. */
  readonly onThrough: (lead: Lead) => void;
}

/** A lead that comes back more often than this is given up, and the ledgers will call it lost. */
const MOST_RETURNS = 50;

/** Takes every lead through all steps. One that cannot go on now makes room for others and comes back. */
export async function runJob(leads: readonly Lead[], { steps, open, clock, progress, onThrough }: JobOptions): Promise<void> {
  const setHeld = (traveller: LeadOnItsWay, held: boolean): void => {
    if (held !== traveller.held) progress.held += held ? 1 : -1;
    traveller.held = held;
  };
  const take = async (traveller: LeadOnItsWay): Promise<Turn> => {
    for (let step = steps[traveller.step]; step !== undefined; step = steps[traveller.step]) {
      const end = await step.take(traveller);
      setHeld(traveller, false);
      if (end.type === "later") {
        traveller.returns += 1;
        if (traveller.returns > MOST_RETURNS) break;
        setHeld(traveller, end.held);
        return { afterMs: end.afterMs };
      }
      const own = progress.apis[step.api];
      if (end.type === "kept") {
        own.kept += 1;
        break;
      }
      own.passed += 1;
      traveller.step += 1;
    }
    if (traveller.step === steps.length) onThrough(traveller.lead);
    progress.ended += 1;
    return "ended";
  };
  await workThrough(
    leads.map((lead): LeadOnItsWay => ({ lead, step: 0, returns: 0, held: false })),
    { open, clock, work: take },
  );
}
