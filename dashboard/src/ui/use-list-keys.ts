import { useEffect, useRef, type RefObject } from "react";
import { isTyping } from "../layout/keys.ts";

/** `j` and `k` go through the rows of a list, those too that are not in the page yet. */
export function useListKeys(list: RefObject<HTMLElement | null>, count: number, show: (index: number) => void): void {
  const latest = useRef({ count, show });
  useEffect(() => {
    latest.current = { count, show };
  });
  useEffect(() => {
    // The row that was asked for and does not have the focus yet: keys come faster than frames.
    let asked: number | undefined;
    const press = (event: KeyboardEvent): void => {
      if ((event.key !== "j" && event.key !== "k") || isTyping(event) || event.metaKey || event.ctrlKey || event.altKey) return;
      const rows = latest.current.count;
      if (rows === 0) return;
      const at = asked ?? (list.current?.contains(document.activeElement) === true ? rowOf(document.activeElement) : -1);
      const next = Math.min(rows - 1, Math.max(0, at + (event.key === "j" ? 1 : -1)));
      event.preventDefault();
      asked = next;
      latest.current.show(next);
      requestAnimationFrame(() => {
        if (asked !== next) return;
        asked = undefined;
        list.current?.querySelector<HTMLElement>(`[data-row="${next}"]`)?.focus();
      });
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [list]);
}

function rowOf(element: Element | null): number {
  return Number(element?.closest("[data-index]")?.getAttribute("data-index") ?? -1);
}
