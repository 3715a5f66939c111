import { useEffect } from "react";
import { switchTheme } from "../design/theme.ts";
import { hrefOf, navigate } from "../router/location.ts";
import { isTyping } from "./keys.ts";
import { PAGES } from "./pages.ts";

const CHORD_MS = 1_000;

/** The keys that work on every page; `?` shows them. */
export function useShortcuts(showHelp: () => void): void {
  useEffect(() => {
    let goUntil = 0;
    const press = (event: KeyboardEvent): void => {
      if (isTyping(event) || event.metaKey || event.ctrlKey || event.altKey) return;
      const page = event.timeStamp < goUntil ? PAGES.find(({ key }) => key === event.key) : undefined;
      goUntil = 0;
      if (page !== undefined) return navigate(hrefOf(page.path === "" ? [] : [page.path]));
      switch (event.key) {
        case "g":
          goUntil = event.timeStamp + CHORD_MS;
          return;
        case "/": {
          const field = document.querySelector<HTMLInputElement>("[data-search]");
          if (field === null) return navigate(hrefOf(["operations"]));
          event.preventDefault();
          field.focus();
          field.select();
          return;
        }
        case "t":
          return switchTheme();
        case "?":
          return showHelp();
        default:
      }
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [showHelp]);
}
