import {
  Activity,
  Bell,
  GitBranch,
  LayoutDashboard,
  Lightbulb,
  ListTree,
  MailX,
  RefreshCcwDot,
  ScrollText,
  type LucideIcon,
} from "lucide-react";

/** A page that the navigation leads to. */
export interface PageEntry {
  /** First segment of its path. */
  readonly path: string;
  readonly title: string;
  readonly icon: LucideIcon;
  /** `g` and then this letter. */
  readonly key: string;
  readonly group: "now" | "work" | "people";
}

export const PAGES: readonly PageEntry[] = [
  { path: "", title: "Overview", icon: LayoutDashboard, key: "o", group: "now" },
  { path: "lanes", title: "Lanes", icon: Activity, key: "l", group: "now" },
  { path: "operations", title: "Operations", icon: ListTree, key: "p", group: "work" },
  { path: "dead-letters", title: "Dead letters", icon: MailX, key: "d", group: "work" },
  { path: "syncs", title: "Syncs", icon: RefreshCcwDot, key: "s", group: "work" },
  { path: "pipelines", title: "Pipelines", icon: GitBranch, key: "i", group: "work" },
  { path: "alerts", title: "Alerts", icon: Bell, key: "a", group: "people" },
  { path: "advice", title: "Advice", icon: Lightbulb, key: "v", group: "people" },
  { path: "audit", title: "Audit", icon: ScrollText, key: "u", group: "people" },
];

export const GROUPS: Readonly<Record<PageEntry["group"], string>> = { now: "Now", work: "Work", people: "People" };
