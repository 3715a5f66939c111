import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { listen, type LiveEvent } from "./live-events.ts";
import { staleAfter } from "./stale.ts";

/** Whether what is shown moves by itself. */
export interface Live {
  readonly state: "connecting" | "live" | "lost";
  /** Events that were left out because we read too slowly; what they would have changed was read anew. */
  readonly missed: number;
  /** What was heard last, newest first. */
  readonly recent: readonly LiveEvent[];
}

const LiveContext = createContext<Live>({ state: "connecting", missed: 0, recent: [] });

/** However much happens, what is shown is read anew this often at most. */
const EVERY_MS = 1_000;
const MOST_RECENT = 100;
/** Told by the thousand, and shown as numbers elsewhere. */
const NOT_NEWS: ReadonlySet<string> = new Set(["call:settled", "retry:scheduled", "operation:settled"]);

export function LiveProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const client = useQueryClient();
  const [state, setState] = useState<Live["state"]>("connecting");
  const [missed, setMissed] = useState(0);
  const [recent, setRecent] = useState<readonly LiveEvent[]>([]);

  useEffect(() => {
    const ended = new AbortController();
    const stale = new Set<string>();
    let news: LiveEvent[] = [];
    const timer = setInterval(() => {
      for (const name of stale) void client.invalidateQueries({ queryKey: [name] });
      stale.clear();
      if (news.length === 0) return;
      const told = news;
      news = [];
      setRecent((before) => [...told, ...before].slice(0, MOST_RECENT));
    }, EVERY_MS);
    let wasOpen = false;
    void listen(
      {
        heard: (event) => {
          for (const name of staleAfter(event.name)) stale.add(name);
          if (!NOT_NEWS.has(event.name)) news = [event, ...news].slice(0, MOST_RECENT);
        },
        opened: () => {
          setState("live");
          // What happened between two streams was not heard.
          if (wasOpen) void client.invalidateQueries();
          wasOpen = true;
        },
        dropped: (count) => {
          setMissed((before) => before + count);
          void client.invalidateQueries();
        },
        closed: () => setState("lost"),
      },
      ended.signal,
    );
    return () => {
      clearInterval(timer);
      ended.abort();
    };
  }, [client]);

  const live = useMemo(() => ({ state, missed, recent }), [state, missed, recent]);
  return <LiveContext value={live}>{children}</LiveContext>;
}

export function useLive(): Live {
  return useContext(LiveContext);
}
