import type { ReactNode } from "react";
import { away, instant } from "../time/format.ts";
import { useNow } from "../time/use-now.ts";

/** An instant as its distance from now; the whole of it on hover. */
export function Ago({ at }: { readonly at: number }): ReactNode {
  const now = useNow();
  return (
    <time dateTime={new Date(at).toISOString()} title={instant(at)} className="nowrap">
      {away(at, now)}
    </time>
  );
}
