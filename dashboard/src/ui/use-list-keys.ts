import { useEffect, type RefObject } from "react";
import { isTyping } from "../layout/keys.ts";

/** `j` and `k` go through the rows of a list, those too that are not in the page yet. */
export function useListKeys(list: RefObject<HTMLElement | null>, count: number, show: (index: number) => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if ((event.key !== "j" && event.key !== "k") || isTyping(event) || event.metaKey || event.ctrlKey || event.altKey) return;
      const at = list.current?.contains(document.activeElement) === true ? rowOf(document.activeElement) : -1;
      const next = Math.min(count - 1, Math.max(0, at + (event.key === "j" ? 1 : -1)));
      if (count === 0) return;
      event.preventDefault();
      show(next);
      // A row that was out of sight is there after the next frame.
      requestAnimationFrame(() => list.current?.querySelector<HTMLElement>(`[data-row="${next}"]`)?.focus());
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [list, count, show]);
}

function rowOf(element: Element | null): number {
  return Number(element?.closest("[data-index]")?.getAttribute("data-index") ?? -1);
}
