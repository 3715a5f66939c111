import type { ReactNode } from "react";
import { span as spanWords, timeOfDay } from "../time/format.ts";
import { Link } from "../router/link.tsx";
import { openMs, type Span } from "./spans.ts";

interface BreakerStripProps {
  readonly name: string;
  readonly href?: string;
  readonly spans: readonly Span[];
  readonly from: number;
  readonly to: number;
}

/** A breaker over time, under the charts and on their scale: a thin line while it is closed, a block while it lets nothing through. */
export function BreakerStrip({ name, href, spans, from, to }: BreakerStripProps): ReactNode {
  const open = openMs(spans);
  const share = (ms: number): string => `${(ms / (to - from)) * 100}%`;
  return (
    <div className="strip">
      <div className="strip-words">
        {href === undefined ? (
          <span className="mono clip">{name}</span>
        ) : (
          <Link href={href} className="mono clip strip-name">
            {name}
          </Link>
        )}
        <span className="faint nowrap">{open === 0 ? "closed all the time" : `open for ${spanWords(open)}`}</span>
      </div>
      <ol className="strip-track" aria-label={`Breaker of ${name}`}>
        {spans.map((one) => (
          <li
            key={one.from}
            className={`strip-span strip-${one.state}`}
            style={{ left: share(one.from - from), width: share(one.to - one.from) }}
            title={`${one.state} from ${timeOfDay(one.from)} for ${spanWords(one.to - one.from)}${one.because === undefined ? "" : `: ${one.because}`}`}
          >
            <span className="visually-hidden">
              {one.state} from {timeOfDay(one.from)} for {spanWords(one.to - one.from)}
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** What the strip's shapes mean. */
export function StripKey(): ReactNode {
  return (
    <p className="strip-key faint">
      <span className="strip-sample strip-closed" aria-hidden /> closed
      <span className="strip-sample strip-open" aria-hidden /> open
      <span className="strip-sample strip-half-open" aria-hidden /> half-open: probes only
    </p>
  );
}
