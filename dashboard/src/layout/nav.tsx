import type { ReactNode } from "react";
import { Link } from "../router/link.tsx";
import { hrefOf, useLocation } from "../router/location.ts";
import { GROUPS, PAGES, type PageEntry } from "./pages.ts";
import { useBadges } from "./use-badges.ts";

/** Where one can go, with how many things wait there for somebody. */
export function Nav({ onGo }: { readonly onGo: () => void }): ReactNode {
  const { segments } = useLocation();
  const here = segments[0] ?? "";
  const badges = useBadges();
  return (
    <nav aria-label="Pages" className="nav">
      {(Object.keys(GROUPS) as PageEntry["group"][]).map((group) => (
        <ul key={group} aria-label={GROUPS[group]}>
          {PAGES.filter((page) => page.group === group).map(({ path, title, icon: Icon }) => {
            const badge = badges[path];
            return (
              <li key={path}>
                <Link
                  href={hrefOf(path === "" ? [] : [path])}
                  aria-current={here === path ? "page" : undefined}
                  onClick={onGo}
                  className="nav-link"
                >
                  <Icon size={15} strokeWidth={1.9} aria-hidden />
                  {title}
                  {badge !== undefined && (
                    <span className={`nav-badge tone-${badge.tone}`} title={badge.words}>
                      {badge.text}
                      <span className="visually-hidden"> {badge.words}</span>
                    </span>
                  )}
                </Link>
              </li>
            );
          })}
        </ul>
      ))}
    </nav>
  );
}
