import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Failed, Loading } from "./empty.tsx";

interface ReadProps<Data> {
  readonly of: UseQueryResult<Data>;
  readonly rows?: number;
  /** What stands above while there is nothing yet: the head of a page whose own one comes with what is read. */
  readonly head?: ReactNode;
  readonly children: (data: Data) => ReactNode;
}

/** Shows what was read, or that it is on its way, or why it cannot be. What was read before stays while it is read anew. */
export function Read<Data>({ of, rows, head, children }: ReadProps<Data>): ReactNode {
  if (of.data !== undefined) return children(of.data);
  return (
    <>
      {head}
      {of.error === null ? (
        <Loading {...(rows === undefined ? {} : { rows })} />
      ) : (
        <Failed error={of.error} again={() => void of.refetch()} />
      )}
    </>
  );
}
