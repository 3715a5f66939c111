import type { ReactNode } from "react";
import { count } from "../../ui/numbers.ts";
import type { Pipeline } from "./pipelines-page.tsx";

/** How many runs each step has behind it, has lost to a dead letter, and has ahead. */
export function StepFunnel({ steps }: { readonly steps: Pipeline["steps"] }): ReactNode {
  return (
    <ol className="funnel">
      {steps.map(({ step, done, failed, parked, ahead, waiting = [] }) => {
        const all = Math.max(1, done + failed + parked + ahead);
        const lost = failed + parked;
        const part = (amount: number): string => `${(amount / all) * 100}%`;
        return (
          <li key={step}>
            <span className="funnel-step">{step}</span>
            <span className="run-bar" role="img" aria-label={`${count(done)} done, ${count(lost)} not done, ${count(ahead)} ahead`}>
              <span className="run-resolved" style={{ width: part(done) }} />
              <span className="run-failed" style={{ width: part(lost) }} />
            </span>
            <span className="funnel-words">
              <strong>{count(done)}</strong> done
              {lost > 0 && (
                <span className="funnel-lost">
                  {" "}
                  · <strong>{count(lost)}</strong> dead letters{waiting.length > 0 && ` hold ${waiting.join(", ")}`}
                </span>
              )}
              {ahead > 0 && <span className="faint"> · {count(ahead)} ahead</span>}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
