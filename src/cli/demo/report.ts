import { grouped, oneLine, table, wrapped } from "../output/text.ts";
import type { RefusedRow } from "./read-leads.ts";
import type { StoryLine } from "./run-folder.ts";
import { clockText } from "./screens.ts";
import type { Tally } from "./tally.ts";
import { API_NAMES } from "./weather.ts";

/** A time in which an API's breaker let nothing but probes through. */
export interface Outage {
  readonly api: string;
  readonly endpoint: string;
  readonly because: string;
  /** Story time, ms from its start. */
  readonly openedAtMs: number;
  /** When it closed, or was cut short. */
  readonly endedAtMs?: number;
  readonly end: "closed" | "run killed" | "still open";
}

export interface DemoReport extends Tally {
  readonly ok: boolean;
  readonly refused: readonly RefusedRow[];
  readonly outages: readonly Outage[];
  /** Starts that this run took: 1 where nothing interrupted it. */
  readonly starts: number;
  /** Answers that the store gave again, in the last stretch. */
  readonly replayed: number;
  readonly seed: number;
  readonly speed: number;
  readonly from: string;
  /** Of the last stretch, on the machine's clock. */
  readonly seconds: number;
  /** Of the whole story, on the story's. */
  readonly storySeconds: number;
  readonly store: string;
  /** To go on with, as they can be typed. */
  readonly commands: { readonly list: string; readonly groups: string; readonly serve: string; readonly replay: string };
}

export interface ReportFacts {
  readonly tally: Tally;
  readonly refused: readonly RefusedRow[];
  readonly story: readonly StoryLine[];
  readonly storyMs: number;
  readonly seconds: number;
  readonly starts: number;
  readonly replayed: number;
  readonly speed: number;
  readonly seed: number;
  readonly from: string;
  readonly store: string;
  readonly config: string;
  readonly storeOption: string | undefined;
}

/** How this program is called from where it runs: the source is not linked as a command. */
const PROGRAM = import.meta.url.endsWith(".ts") ? "npm run -s holdfast --" : "npx holdfast";

export function reportOf(facts: ReportFacts): DemoReport {
  const { tally, store, config, storeOption } = facts;
  const serve = storeOption === undefined ? "demo --mended" : `demo --mended --store ${quoted(store)}`;
  return {
    ok: tally.lost === 0 && tally.doubled === 0,
    ...tally,
    refused: facts.refused,
    outages: outagesOf(facts.story),
    starts: facts.starts,
    replayed: facts.replayed,
    seed: facts.seed,
    speed: facts.speed,
    from: facts.from,
    seconds: Math.round(facts.seconds * 10) / 10,
    storySeconds: Math.round(facts.storyMs / 1_000),
    store,
    commands: {
      list: `${PROGRAM} dlq list --store ${quoted(store)}`,
      groups: `${PROGRAM} dlq groups --store ${quoted(store)}`,
      serve: `${PROGRAM} ${serve}`,
      replay: `${PROGRAM} dlq replay --all --canary 1 --config ${quoted(config)}`,
    },
  };
}

/** From a breaker's opening to its closing, failed probes in between included. */
export function outagesOf(story: readonly StoryLine[]): readonly Outage[] {
  const open = new Map<string, Outage>();
  const outages: Outage[] = [];
  for (const line of story) {
    if (line.type === "restart") {
      for (const outage of open.values()) outages.push({ ...outage, endedAtMs: line.atMs, end: "run killed" });
      open.clear();
      continue;
    }
    const { api, endpoint, to, because, atMs } = line;
    const lane = `${api} ${endpoint}`;
    const current = open.get(lane);
    if (to === "open" && current === undefined) open.set(lane, { api, endpoint, because, openedAtMs: atMs, end: "still open" });
    if (to !== "closed" || current === undefined) continue;
    outages.push({ ...current, endedAtMs: atMs, end: "closed" });
    open.delete(lane);
  }
  return [...outages, ...open.values()].sort((a, b) => a.openedAtMs - b.openedAtMs);
}

/** The report for people, for a screen of so many columns. `mended`: the APIs are about to be there again with nothing wrong. */
export function printed(report: DemoReport, columns = 120, { mended = false }: { readonly mended?: boolean } = {}): string {
  return [
    `\n${summaryOf(report)}\n`,
    apisOf(report),
    misbehavioursOf(report, columns),
    outageLines(report),
    letterLines(report, columns, mended),
    endLine(report),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

function summaryOf({ accepted, done, kept, lost, doubled, refused, retried, starts, storySeconds, seconds }: DemoReport): string {
  const parts = [
    `accepted ${grouped(accepted)}`,
    `done ${grouped(done)}`,
    `kept as dead letters ${grouped(kept)}`,
    `lost ${grouped(lost)}`,
    `doubled ${grouped(doubled)}`,
  ];
  const more = [
    ...(refused.length > 0 ? [`${grouped(refused.length)} rows of the file were refused`] : []),
    `${grouped(retried)} calls took more than one attempt`,
    ...(starts > 1 ? [`the run was started ${starts} times`] : []),
    `${clockText(storySeconds * 1_000)} of the APIs' time in ${seconds} s`,
  ];
  return `${parts.join("   ")}\n${more.join(", ")}.`;
}

/** What the ledgers of the APIs say. */
function apisOf({ apis }: DemoReport): string {
  const columns = [
    { name: "by the APIs' own ledgers" },
    ...["calls", "on the wire", "per call", "retried", "effects", "doubled"].map((name) => ({ name, align: "right" }) as const),
  ];
  return table(
    columns,
    API_NAMES.map((name) => {
      const { endpoint, calls, wireAttempts, wireAttemptsPerCall, retried, effects, doubled } = apis[name];
      const changes = effects > 0 ? [grouped(effects), grouped(doubled)] : ["-", "-"];
      return [`${name}  ${endpoint}`, grouped(calls), grouped(wireAttempts), wireAttemptsPerCall.toFixed(2), grouped(retried), ...changes];
    }),
  );
}

function misbehavioursOf({ apis }: DemoReport, columns: number): string {
  const rows = API_NAMES.flatMap((name) => {
    const { misbehaved, others } = apis[name];
    const said = Object.entries(misbehaved).map(([what, count]) => `${what} ${grouped(count)}×`);
    const asked = Object.entries(others).map(([endpoint, count]) => `${endpoint} asked ${grouped(count)}×`);
    const lines = wrapped(said.length + asked.length === 0 ? ["nothing"] : [...said, ...asked], columns - HEADING.length - 2);
    return lines.map((line, index) => [index === 0 ? name : "", line]);
  });
  return table([{ name: HEADING }, { name: "" }], rows);
}

const HEADING = "what went wrong";

function outageLines({ outages }: DemoReport): string {
  return outages.map((outage) => `${outageLine(outage)}\n`).join("");
}

function outageLine({ api, endpoint, because, openedAtMs, endedAtMs, end }: Outage): string {
  const opened = `The breaker of ${api} ${endpoint} opened at ${clockText(openedAtMs)} (${because})`;
  if (endedAtMs === undefined) return `${opened}, and was open when the run ended.`;
  const seconds = ((endedAtMs - openedAtMs) / 1_000).toFixed(1);
  return end === "closed"
    ? `${opened} and let nothing but probes through for ${seconds} s.`
    : `${opened}; ${seconds} s later the run was killed.`;
}

function letterLines({ deadLetters, commands }: DemoReport, columns: number, mended: boolean): string {
  if (deadLetters.length === 0) return "";
  const rows = deadLetters.map(({ fingerprint, letters, title }) => [fingerprint, grouped(letters), oneLine(title, columns - 36)]);
  return [
    table([{ name: "dead letters by group" }, { name: "letters", align: "right" }, { name: "what" }], rows),
    `\n  list them     ${commands.list}\n`,
    ...(mended ? [] : [`  mend the APIs ${commands.serve}   (leave it running)\n`]),
    `  replay them   ${commands.replay}\n`,
  ].join("");
}

function endLine({ ok, lost, doubled, suspects }: DemoReport): string {
  if (ok) return "Nothing was lost and nothing was doubled.\n";
  const lines = [
    ...(lost > 0 ? [`LOST: ${lost} leads are neither done nor kept, such as ${suspects.missing.join(", ")}.\n`] : []),
    ...(doubled > 0 ? [`DOUBLED: ${doubled} leads were written or enrolled more than once, such as ${suspects.twice.join(", ")}.\n`] : []),
  ];
  return lines.join("");
}

function quoted(path: string): string {
  return /^[\w./:@%+=-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
