import { formatMs } from "../../core/duration.ts";
import type { GroupLine, LaneLine, SyncLine } from "./answers.ts";
import type { Desk } from "./desk.ts";
import { DeniedError, UnreachableError } from "./faults.ts";

/** Something that does not mend by itself, and what may be done about it. */
export interface Need {
  readonly what: "not-ready" | "alert" | "breaker-open" | "held" | "dead-letters" | "sync-held" | "limits";
  readonly about: string;
  readonly detail: string;
  /** A command that shows more, or does something. */
  readonly command?: string;
}

export interface ApiStanding {
  readonly api: string;
  /** `trouble`: a breaker is not closed. `unknown`: nothing is known of its breakers, as of a store. */
  readonly state: "well" | "trouble" | "idle" | "unknown";
  readonly calls: number;
  readonly failed: number;
  readonly retries: number;
  readonly due: number;
  readonly underWay: number;
  readonly parked: number;
  readonly openLetters: number;
  readonly breakers: readonly string[];
}

/** How things stand: what each API is doing, and what needs a person. */
export interface Standing {
  readonly where: string;
  readonly ready: boolean;
  readonly windowMs: number;
  readonly apis: readonly ApiStanding[];
  readonly queue?: Readonly<Record<string, number>>;
  readonly openLetters: number;
  readonly needs: readonly Need[];
}

interface Stats {
  readonly windowMs: number;
  readonly apis: Readonly<Record<string, { readonly calls: number; readonly failed: number; readonly retries: number }>>;
  readonly operations?: Readonly<Record<string, number>>;
}

const WINDOW = "5m";

/** Asks for all of it. A token that sees a part only is told of that part. */
export async function standingOf(desk: Desk, now: number): Promise<Standing> {
  const items = async <Item>(path: string): Promise<readonly Item[]> =>
    await seen(async () => (await desk.ask<{ items: readonly Item[] }>("GET", path)).items, []);
  const ready = await readiness(desk);
  const stats = await seen<Stats>(async () => await desk.ask("GET", "/v1/stats", { query: { window: WINDOW } }), { windowMs: 0, apis: {} });
  const lanes = await items<LaneLine>("/v1/lanes");
  const groups = await items<GroupLine>("/v1/dead-letters/groups?state=open");
  const alerts = await items<{ rule: string; subject: string; tier: string; words: string }>("/v1/alerts");
  const syncs = await items<SyncLine>("/v1/syncs");
  const limits = await items<{ api: string; endpoint: string; until: number; by: string; reason: string }>("/v1/limits");
  const since = (at: number): string => `for ${formatMs(Math.max(0, now - at))}`;
  const needs: readonly Need[] = [
    ...(ready === undefined ? [] : [{ what: "not-ready" as const, about: desk.where, detail: ready, command: "holdfast doctor" }]),
    ...alerts.map(({ rule, subject, tier, words }) => ({ what: "alert" as const, about: subject, detail: `${tier}, ${rule}: ${words}` })),
    ...lanes.flatMap(needsOf),
    ...groups
      .filter(({ state }) => state === "open")
      .map(({ fingerprint, title, open, regressed, lastAt }) => ({
        what: "dead-letters" as const,
        about: title,
        detail: `${open} open, the last ${since(lastAt).replace("for ", "")} ago${regressed ? ", come back after it was resolved" : ""}`,
        command: `holdfast dlq list --group ${fingerprint}`,
      })),
    ...syncs.flatMap(({ sync, heldSince }) =>
      heldSince === null
        ? []
        : [
            {
              what: "sync-held" as const,
              about: sync,
              detail: `its watermark has been held ${since(heldSince)}`,
              command: `holdfast syncs show ${sync}`,
            },
          ],
    ),
    ...limits.map(({ api, endpoint, until, by, reason }) => ({
      what: "limits" as const,
      about: `${api} ${endpoint}`,
      detail: `set by ${by} until ${new Date(until).toISOString()}: ${reason}`,
      command: "holdfast limits list",
    })),
  ];
  return {
    where: desk.where,
    ready: ready === undefined,
    windowMs: stats.windowMs,
    apis: apisOf(stats, lanes, groups),
    ...(stats.operations === undefined ? {} : { queue: stats.operations }),
    openLetters: groups.reduce((sum, { open }) => sum + open, 0),
    needs,
  };
}

/** Whether somebody has to do something; limits that were set, and paused lanes, are somebody's doing already. */
export function isWell({ needs }: Standing): boolean {
  return needs.every(({ what }) => what === "limits" || what === "held");
}

/** Why new work is not taken; undefined where it is. */
async function readiness(desk: Desk): Promise<string | undefined> {
  try {
    await desk.ask("GET", "/readyz");
    return undefined;
  } catch (error) {
    // One that cannot be reached at all is no standing, but a fault of the command.
    if (error instanceof UnreachableError && error.cause === undefined) return error.message;
    throw error;
  }
}

/** What a token may not see is left out. */
async function seen<Value>(ask: () => Promise<Value>, otherwise: Value): Promise<Value> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof DeniedError && !/no token|not known/.test(error.message)) return otherwise;
    throw error;
  }
}

function needsOf({ api, endpoint, partition, breaker, because, holds }: LaneLine): readonly Need[] {
  const about = [api, endpoint, ...(partition === "" ? [] : [`(${partition})`])].join(" ");
  if (holds.length > 0) {
    return holds.map(({ what, by, why, until }) => ({
      what: "held",
      about,
      detail: `${what === "paused" ? "paused" : `held ${what}`} by ${by}${until === undefined ? "" : ` until ${new Date(until).toISOString()}`}${why === undefined ? "" : `: ${why}`}`,
      command: `holdfast lanes ${what === "paused" ? "resume" : "auto"} ${api} "${endpoint}"`,
    }));
  }
  return breaker === "open" ? [{ what: "breaker-open", about, detail: because, command: "holdfast lanes list" }] : [];
}

function apisOf({ apis }: Stats, lanes: readonly LaneLine[], groups: readonly GroupLine[]): readonly ApiStanding[] {
  const names = new Set([...Object.keys(apis), ...lanes.map(({ api }) => api), ...groups.map(({ api }) => api)]);
  return [...names]
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((api) => {
      const own = lanes.filter((lane) => lane.api === api);
      const sum = (count: (lane: LaneLine) => number): number => own.reduce((total, lane) => total + count(lane), 0);
      const { calls = 0, failed = 0, retries = 0 } = apis[api] ?? {};
      const breakers = own
        .filter(({ breaker }) => breaker === "open" || breaker === "half-open")
        .map(({ endpoint, breaker }) => `${endpoint} ${breaker}`);
      const known = own.some(({ breaker }) => breaker !== "unknown");
      return {
        api,
        state: breakers.length > 0 ? "trouble" : !known ? "unknown" : calls === 0 ? "idle" : "well",
        ...{ calls, failed, retries },
        due: sum(({ queue }) => queue.due),
        underWay: sum(({ queue, inFlight }) => Math.max(queue.leased, inFlight)),
        parked: sum(({ queue }) => queue.parked),
        openLetters: groups.filter((group) => group.api === api).reduce((total, { open }) => total + open, 0),
        breakers,
      };
    });
}
