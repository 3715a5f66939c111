import type { EventListener, EventName } from "../../ports/events.ts";

/** What tells of events: an engine. */
export interface EventSource {
  on<Name extends EventName>(event: Name, listener: EventListener<Name>): () => void;
}

/** Ends all that was begun. */
export function together(ends: readonly (() => void)[]): () => void {
  return () => {
    for (const end of ends) end();
  };
}
