import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "../../../scripts/tools.ts";
import { CRASH_POINTS } from "./points.ts";
import type { Disruption, Run } from "./run.ts";

/** The sums over all runs of one backend. */
export interface BackendTotals {
  readonly backend: string;
  readonly points: ReadonlySet<string>;
  readonly counts: Readonly<Record<Count, number>>;
  seconds: number;
  add(run: Run): void;
}

type Count =
  "runs" | "accepted" | "requests" | "succeeded" | "inDoubt" | "died" | "lost" | "doubled" | "resent" | "wrong" | Disruption["type"];

export function emptyTotals(backend: string): BackendTotals {
  const points = new Set<string>();
  const counts: Record<Count, number> = {
    runs: 0,
    kill: 0,
    point: 0,
    term: 0,
    stop: 0,
    accepted: 0,
    requests: 0,
    succeeded: 0,
    inDoubt: 0,
    died: 0,
    lost: 0,
    doubled: 0,
    resent: 0,
    wrong: 0,
  };
  return {
    backend,
    points,
    counts,
    seconds: 0,
    add(run) {
      counts.runs += 1;
      for (const met of run.met) {
        counts[met.type] += 1;
        if (met.type === "point") points.add(met.point);
      }
      for (const what of ["accepted", "requests", "succeeded", "inDoubt", "died"] as const) counts[what] += run[what];
      for (const what of ["lost", "doubled", "resent", "wrong"] as const) counts[what] += run[what].length;
    },
  };
}

const PAGE = join(repositoryRoot, "docs", "reliability.md");
const BEGIN = "<!-- counts: written by npm run test:crash -- --write-docs -->";
const END = "<!-- end of counts -->";

const ROWS: readonly (readonly [count: Count, label: string])[] = [
  ["kill", "SIGKILL at a random moment"],
  ["point", "SIGKILL at a named crash point"],
  ["term", "SIGTERM, with what was held handed back"],
  ["stop", "SIGSTOP for longer than the lease, then SIGCONT"],
  ["runs", "queues run from the first operation to the last"],
  ["accepted", "operations accepted"],
  ["requests", "requests that reached the other side"],
  ["succeeded", "operations done"],
  ["died", "refused for good by the other side (dead letters)"],
  ["inDoubt", "parked as `outcome-unknown`, by an API that is blind to keys (dead letters)"],
  ["lost", "**lost**"],
  ["doubled", "**doubled**"],
  ["resent", "**sent again in doubt**"],
  ["wrong", "**told otherwise than it was**"],
];

/** Puts the counts between the page's marks. */
export function writeReport(all: readonly BackendTotals[]): void {
  const head = `| | ${all.map(({ backend }) => backend).join(" | ")} |`;
  const rule = `| --- | ${all.map(() => "---:").join(" | ")} |`;
  const rows = ROWS.map(([count, label]) => `| ${label} | ${all.map(({ counts }) => counts[count].toLocaleString("en-US")).join(" | ")} |`);
  const points = `| crash points met, of ${CRASH_POINTS.length} | ${all.map((totals) => totals.points.size).join(" | ")} |`;
  const minutes = `| minutes, on ${availableParallelism()} cores and Node ${process.versions.node} | ${all.map(({ seconds }) => Math.ceil(seconds / 60)).join(" | ")} |`;
  const table = [head, rule, ...rows, points, minutes].join("\n");
  const page = readFileSync(PAGE, "utf8");
  const [before, after] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (before < 0 || after < before) throw new Error(`${PAGE} has lost its marks ${BEGIN} and ${END}`);
  writeFileSync(PAGE, `${page.slice(0, before)}${BEGIN}\n\n${table}\n\n${page.slice(after)}`);
}
