import type { ReactNode } from "react";
import { Link } from "../router/link.tsx";

interface StatProps {
  readonly name: string;
  readonly value: string;
  readonly unit?: string;
  /** What stands behind the number. */
  readonly note?: ReactNode;
  /** Only where the number calls for somebody. */
  readonly tone?: "bad" | "warn" | undefined;
  readonly href?: string;
}

/** One number that is read from across the room. */
export function Stat({ name, value, unit, note, tone, href }: StatProps): ReactNode {
  const inside = (
    <>
      <span className="stat-name">{name}</span>
      <span className={`stat-value${tone === undefined ? "" : ` stat-${tone}`}`}>
        {value}
        {unit !== undefined && <span className="stat-unit">{unit}</span>}
      </span>
      <span className="stat-note">{note}</span>
    </>
  );
  return href === undefined ? (
    <div className="stat">{inside}</div>
  ) : (
    <Link href={href} className="stat">
      {inside}
    </Link>
  );
}
