import type { ReactNode } from "react";
import { instant, span } from "../../time/format.ts";
import { Facts } from "../../ui/facts.tsx";
import { JsonText } from "../../ui/json-text.tsx";
import type { Attempt } from "./waterfall.ts";

const EFFECT: Readonly<Record<Attempt["verdict"]["effect"], string>> = {
  none: "none: it certainly did not happen",
  unknown: "unknown: it may have happened",
  done: "done: the other side answered for it",
};

/** All that is kept of one try. */
export function AttemptDetail({ attempt }: { readonly attempt: Attempt }): ReactNode {
  const { verdict, headers = {}, bodyExcerpt, upstreamRequestId, startedAt, durationMs } = attempt;
  return (
    <div className="attempt-detail">
      <Facts
        of={[
          ["Started", instant(startedAt)],
          ["Took", span(durationMs)],
          ["Status", verdict.status],
          ["Code", verdict.code],
          ["Rule", <code key="rule">{verdict.rule}</code>],
          ["Effect", EFFECT[verdict.effect]],
          ["Their request id", upstreamRequestId],
        ]}
      />
      {Object.keys(headers).length > 0 && (
        <div>
          <h3>Headers of the answer</h3>
          <pre className="code-block">{Object.entries(headers).map(([name, value]) => `${name}: ${value}\n`)}</pre>
        </div>
      )}
      {bodyExcerpt !== undefined && bodyExcerpt !== "" && (
        <div>
          <h3>Body of the answer</h3>
          <JsonText text={bodyExcerpt} />
        </div>
      )}
    </div>
  );
}
