import { useMemo, useSyncExternalStore } from "react";

/** Where the page is. Segments are decoded one by one, so that an id may hold a slash, a colon or a percent sign. */
export interface Location {
  readonly segments: readonly string[];
  readonly search: URLSearchParams;
}

const CHANGED = "holdfast:navigated";

function subscribe(changed: () => void): () => void {
  for (const name of ["popstate", CHANGED]) window.addEventListener(name, changed);
  return () => {
    for (const name of ["popstate", CHANGED]) window.removeEventListener(name, changed);
  };
}

const hrefNow = (): string => window.location.pathname + window.location.search;

/** Goes to a page of ours. `replace` leaves no step back: for filters, which are typed letter by letter. */
export function navigate(href: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  if (href === hrefNow()) return;
  const samePage = href.split("?")[0] === window.location.pathname;
  window.history[replace ? "replaceState" : "pushState"](null, "", href);
  window.dispatchEvent(new Event(CHANGED));
  if (!samePage) window.scrollTo(0, 0);
}

export function useLocation(): Location {
  const href = useSyncExternalStore(subscribe, hrefNow);
  return useMemo(() => locationOf(href), [href]);
}

/** Reads a path and its search. */
export function locationOf(href: string): Location {
  const [path = "", search = ""] = href.split("?", 2);
  return {
    segments: path
      .split("/")
      .filter((one) => one !== "")
      .map(decoded),
    search: new URLSearchParams(search),
  };
}

/** A path from its segments, which may hold anything, and what is asked for there. Empty values are left out. */
export function hrefOf(segments: readonly string[], search: Readonly<Record<string, string | undefined>> = {}): string {
  const query = new URLSearchParams(Object.entries(search).flatMap(([name, value]) => (value ? [[name, value]] : [])));
  const path = `/${segments.map(encodeURIComponent).join("/")}`;
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

/** Text without its percent-encoding; as it is where that is broken. */
export function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** One filter of a page, kept in its URL, so that what is seen can be sent to somebody. */
export function useFilter(name: string, fallback = ""): readonly [string, (value: string) => void] {
  const { search } = useLocation();
  const set = (value: string): void => {
    const next = new URLSearchParams(window.location.search);
    if (value === "" || value === fallback) next.delete(name);
    else next.set(name, value);
    navigate(window.location.pathname + (next.size === 0 ? "" : `?${next.toString()}`), { replace: true });
  };
  return [search.get(name) ?? fallback, set];
}
