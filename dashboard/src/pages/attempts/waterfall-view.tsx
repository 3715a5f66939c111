import { Hourglass } from "lucide-react";
import type { ReactNode } from "react";
import { instant, span } from "../../time/format.ts";
import { Chip } from "../../ui/chip.tsx";
import { VERDICT } from "../../ui/states.ts";
import { AttemptDetail } from "./attempt-detail.tsx";
import { scaleOf, stretchesOf, type Life, type Stretch } from "./waterfall.ts";

/** One operation from its acceptance to its end: what was tried, what was waited for, and each time why. */
export function Waterfall(life: Life): ReactNode {
  const stretches = stretchesOf(life);
  if (stretches.length === 0) return <p className="soft">It has not been tried yet.</p>;
  const scale = scaleOf(stretches);
  return (
    <div className="waterfall">
      <div className="waterfall-scale faint">
        <span>{instant(scale.from)}</span>
        <span>{span(scale.to - scale.from)}</span>
      </div>
      <ol>
        {stretches.map((stretch) => (
          <li key={`${stretch.what}-${stretch.from}-${stretch.to}`} className={`stretch stretch-${stretch.what}`}>
            <StretchLine stretch={stretch} left={scale.at(stretch.from)} width={scale.at(stretch.to) - scale.at(stretch.from)} />
          </li>
        ))}
      </ol>
    </div>
  );
}

interface StretchLineProps {
  readonly stretch: Stretch;
  readonly left: number;
  readonly width: number;
}

function StretchLine({ stretch, left, width }: StretchLineProps): ReactNode {
  const length = span(stretch.to - stretch.from);
  const track = (tone: string): ReactNode => (
    <span className="track" aria-hidden>
      <span className={`bar ${tone}`} style={{ left: `${Math.min(left * 100, 99.4)}%`, width: `${width * 100}%` }} />
    </span>
  );
  if (stretch.what === "wait") {
    return (
      <div className="stretch-line">
        <span className="stretch-what faint">
          <Hourglass size={12} aria-hidden />
          {stretch.open ? "waits" : "waited"}
        </span>
        <span className="stretch-length">{length}</span>
        {track("bar-wait")}
        <p className="stretch-why">{stretch.why}</p>
      </div>
    );
  }
  const { attempt } = stretch;
  const look = VERDICT[attempt.verdict.kind];
  return (
    <details>
      <summary className="stretch-line">
        <span className="stretch-what">
          <span className="stretch-number">{attempt.attempt}</span>
          <Chip {...look} />
        </span>
        <span className="stretch-length">{length}</span>
        {track(`bar-${look.tone}`)}
        <p className="stretch-why">
          <strong>{attempt.verdict.because}</strong>
          <span className="faint"> — {stretch.then}</span>
        </p>
      </summary>
      <AttemptDetail attempt={attempt} />
    </details>
  );
}
