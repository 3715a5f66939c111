import { useSyncExternalStore } from "react";

/** What somebody chose; `system` follows the machine. */
export type Theme = "system" | "light" | "dark";

const KEY = "holdfast:theme";
const DARK = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function themeNow(): Theme {
  const kept = window.localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

/** Puts what was chosen into force; called once before anything is shown. */
export function applyTheme(theme: Theme = themeNow()): void {
  const root = document.documentElement;
  if (theme === "system") delete root.dataset["theme"];
  else root.dataset["theme"] = theme;
}

export function chooseTheme(theme: Theme): void {
  if (theme === "system") window.localStorage.removeItem(KEY);
  else window.localStorage.setItem(KEY, theme);
  applyTheme(theme);
  for (const listener of listeners) listener();
}

function subscribe(changed: () => void): () => void {
  listeners.add(changed);
  DARK.addEventListener("change", changed);
  return () => {
    listeners.delete(changed);
    DARK.removeEventListener("change", changed);
  };
}

/** The theme that is seen, whoever chose it. */
export function useShownTheme(): "light" | "dark" {
  return useSyncExternalStore(subscribe, shownNow);
}

function shownNow(): "light" | "dark" {
  const theme = themeNow();
  return theme === "system" ? (DARK.matches ? "dark" : "light") : theme;
}

/** The other one of what is seen. */
export function switchTheme(): void {
  chooseTheme(shownNow() === "dark" ? "light" : "dark");
}

/** A token's colour as a canvas takes it: `light-dark()` is resolved by the page, not by a canvas. */
export function colourOf(token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${token})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
