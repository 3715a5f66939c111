import { z } from "zod";
import { durationMs, type Duration } from "../../core/duration.ts";
import type { DeadLetter, DeadLetterFilter, DeadLetterGroup } from "../../ports/dead-letter-store.ts";
import type { AppParts } from "../app.ts";
import { maySee, mayUse, type Principal } from "../principal.ts";
import { ProblemError } from "../problem.ts";
import type { ReplayRuns } from "../replay-runs.ts";
import { json, route, type Route } from "../route.ts";
import { attempt, because, labels, page, pageOf, storedRequest } from "../schemas/common.ts";
import { shownRequest } from "../shown-body.ts";
import { replayView } from "./replays.ts";

const REASONS = ["exhausted", "permanent", "outcome-unknown", "expired", "budget", "poison", "cancelled-by-operator"] as const;
const STATES = ["open", "replaying", "resolved", "discarded"] as const;
const GROUP_STATES = ["open", "acknowledged", "resolved", "ignored"] as const;

const summary = {
  id: z.string(),
  api: z.string(),
  endpoint: z.string(),
  partition: z.string(),
  reason: z.enum(REASONS),
  because,
  fingerprint: z.string(),
  title: z.string(),
  operation: z.string().optional(),
  idempotencyKey: z.string().optional(),
  labels,
  firstAttemptAt: z.number(),
  diedAt: z.number(),
  state: z.enum(STATES),
  revision: z.number(),
  replays: z.number(),
  changedAt: z.number(),
  note: z.string().optional(),
  request: storedRequest.optional(),
};
const doubt = z.string().optional().describe("Why sending it again may do it twice");
const listed = z.strictObject({ ...summary, attempts: z.number(), doubt });
const whole = z.strictObject({ ...summary, attempts: z.array(attempt), doubt });
const group = z.strictObject({
  fingerprint: z.string(),
  title: z.string(),
  api: z.string(),
  endpoint: z.string(),
  reason: z.enum(REASONS),
  state: z.enum(GROUP_STATES),
  regressed: z.boolean(),
  open: z.number(),
  total: z.number(),
  firstAt: z.number(),
  lastAt: z.number(),
});
const charted = group.extend({
  chart: z
    .strictObject({ from: z.number(), stepMs: z.number(), counts: z.array(z.number()) })
    .describe("Deaths in steps of time up to now, whatever became of the letters since"),
});

const conditions = {
  api: z.string().optional(),
  fingerprint: z.string().optional(),
  state: z.enum(STATES).optional(),
  reason: z.enum(REASONS).optional(),
  since: z.coerce.number().nonnegative().optional().describe("Died at or after"),
  until: z.coerce.number().nonnegative().optional().describe("Died before"),
  label: labels.optional(),
};
const query = z.strictObject({ ...page, ...conditions });
const window = z.string().default("24h").describe('What a chart goes over, such as "1h" or "7d"');
const which = {
  ids: z.array(z.string().max(100)).min(1).max(10_000).optional(),
  group: z.string().optional().describe("All open members of a group, by its fingerprint"),
  filter: z
    .strictObject({ api: z.string(), fingerprint: z.string(), reason: z.enum(REASONS), labels, since: z.number(), until: z.number() })
    .partial()
    .optional()
    .describe("Open letters that fit; `{}` is all"),
};
const isSaid = ({ ids, group, filter }: { readonly ids?: unknown; readonly group?: unknown; readonly filter?: unknown }): boolean =>
  [ids, group, filter].filter((one) => one !== undefined).length === 1;
const UNSAID = "says in no way, or in several, which letters; give one of ids, group and filter";
const replay = z
  .strictObject({
    ...which,
    canary: z.number().int().nonnegative().optional().describe("So many go first; the run goes on only if they succeed"),
    rate: z.number().positive().optional().describe("Letters a second, after the canary"),
    patch: z.record(z.string(), z.unknown()).optional().describe("A JSON merge patch (RFC 7396) of each body"),
    confirm: z.boolean().optional().describe("Also what may have happened already"),
    maxReplays: z.number().int().positive().optional(),
    reason: z.string().max(1_000).optional().describe("Why, for the audit log"),
  })
  .refine(isSaid, UNSAID);
const discard = z.strictObject({ ...which, reason: z.string().trim().min(1).max(1_000) }).refine(isSaid, UNSAID);

/** Which letters something is to be done about. */
interface Which {
  readonly ids?: readonly string[] | undefined;
  readonly group?: string | undefined;
  readonly filter?: { readonly api?: string | undefined } | undefined;
}

function missing(id: string): ProblemError {
  return new ProblemError("not-found", `there is no dead letter ${id}; GET /v1/dead-letters lists them`);
}

/** Columns of a group's chart. */
const CHART_STEPS = 30;
const LONGEST_CHART_MS = 30 * 86_400_000;

export function deadLetterRoutes({ hf, clock }: AppParts, runs: ReplayRuns): readonly Route[] {
  const seen = async (id: string, principal: Principal): Promise<DeadLetter> => {
    const letter = await hf.deadLetters.get(id);
    if (!maySee(principal, letter)) throw missing(id);
    return letter;
  };
  const chartedOf = async (found: readonly DeadLetterGroup[], given: string): Promise<readonly object[]> => {
    const windowMs = durationMs(given as Duration, "query.window");
    if (windowMs < CHART_STEPS || windowMs > LONGEST_CHART_MS)
      throw new ProblemError("invalid-request", `query.window is ${given}; give at most 30d, and more than nothing`);
    const stepMs = Math.ceil(windowMs / CHART_STEPS);
    const from = clock.now() - stepMs * CHART_STEPS;
    const counts = await hf.deadLetters.spread(
      found.map(({ fingerprint }) => fingerprint),
      { from, stepMs, steps: CHART_STEPS },
    );
    return found.map((one, index) => ({ ...one, chart: { from, stepMs, counts: counts[index] } }));
  };
  const wholeOf = (letter: DeadLetter): object => {
    const doubt = hf.deadLetters.doubtOf(letter);
    const { request, ...rest } = letter;
    return {
      ...rest,
      ...(request === undefined ? {} : { request: shownRequest(request) }),
      ...(doubt === undefined ? {} : { doubt }),
    };
  };
  const groups = async (principal: Principal, filter: DeadLetterFilter): Promise<readonly DeadLetterGroup[]> => {
    const found: DeadLetterGroup[] = [];
    for await (const one of hf.deadLetters.groups(filter)) if (mayUse(principal, one.api)) found.push(one);
    return found;
  };
  const groupOf = async (principal: Principal, fingerprint: string): Promise<DeadLetterGroup> => {
    const [found] = await groups(wholeApis(principal), { fingerprint });
    if (found === undefined)
      throw new ProblemError("not-found", `there is no group ${fingerprint}; GET /v1/dead-letters/groups lists them`);
    return found;
  };
  /** That a token limited to some APIs, or bound to an account, acts on nothing beyond them. */
  const mayAct = async (principal: Principal, { ids, group: fingerprint, filter }: Which): Promise<void> => {
    if (fingerprint !== undefined) await groupOf(principal, fingerprint);
    if (principal.apis === undefined && !principal.bound) return;
    if (filter !== undefined && (principal.bound || filter.api === undefined || !mayUse(principal, filter.api))) {
      throw new ProblemError(
        "forbidden",
        `the token ${principal.name} does not reach all APIs; name one of its own in body.filter.api, or give ids`,
      );
    }
    for (const id of ids ?? []) await seen(id, principal);
  };

  return [
    route({
      method: "GET",
      path: "/v1/dead-letters",
      scope: "read",
      id: "listDeadLetters",
      summary: "Dead letters, newest first",
      query,
      answers: { 200: { description: "A page.", schema: pageOf(listed) } },
      handle: async ({ query: { limit, after, ...rest }, principal }) => {
        const { items, next } = await hf.deadLetters.list(filterOf(rest), { limit, ...(after === undefined ? {} : { after }) });
        return json({
          items: items.filter((letter) => maySee(principal, letter)).map((letter) => shortOf(letter, hf.deadLetters.doubtOf(letter))),
          next,
        });
      },
    }),
    route({
      method: "GET",
      path: "/v1/dead-letters/groups",
      scope: "read",
      id: "listDeadLetterGroups",
      summary: "Dead letters by what they failed of, the latest first, with a chart of each",
      query: z.strictObject({ ...conditions, window }),
      answers: { 200: { description: "All of them.", schema: pageOf(charted) } },
      handle: async ({ query: { window: over, ...rest }, principal }) =>
        json({ items: await chartedOf(await groups(wholeApis(principal), filterOf(rest)), over), next: null }),
    }),
    route({
      method: "GET",
      path: "/v1/dead-letters/groups/{fingerprint}",
      scope: "read",
      id: "getDeadLetterGroup",
      summary: "One group, with a chart and its newest letters to lay side by side",
      query: z.strictObject({ window, samples: z.coerce.number().int().min(0).max(10).default(3) }),
      answers: { 200: { description: "It.", schema: charted.extend({ samples: z.array(whole) }) } },
      handle: async ({ params, query: { window: over, samples }, principal }) => {
        const found = await groupOf(principal, params["fingerprint"] as string);
        const [one] = await chartedOf([found], over);
        const newest =
          samples === 0 ? [] : (await hf.deadLetters.list({ fingerprint: found.fingerprint, state: "open" }, { limit: samples })).items;
        return json({ ...one, samples: newest.map(wholeOf) });
      },
    }),
    route({
      method: "POST",
      path: "/v1/dead-letters/groups/{fingerprint}/state",
      scope: "operate",
      id: "setDeadLetterGroupState",
      summary: "Acknowledges, resolves, ignores or re-opens a group",
      body: z.strictObject({ state: z.enum(GROUP_STATES), reason: z.string().max(1_000).optional() }),
      answers: { 200: { description: "The group as it is now.", schema: group } },
      handle: async ({ params, body, principal }) => {
        const fingerprint = params["fingerprint"] as string;
        await groupOf(principal, fingerprint);
        await hf.deadLetters.setGroupState(fingerprint, body.state);
        return json(await groupOf(principal, fingerprint));
      },
    }),
    route({
      method: "POST",
      path: "/v1/dead-letters/replay",
      scope: "operate",
      id: "replayDeadLetters",
      summary: "Begins a run that sends letters again",
      body: replay,
      answers: { 202: { description: "The run, which goes on by itself.", schema: replayView } },
      handle: async ({ body: { reason: _reason, ids, group, filter, ...rest }, principal }) => {
        await mayAct(principal, { ids, group, filter });
        const which = defined({ ids, group, filter: filter === undefined ? undefined : defined(filter) });
        const run = runs.start({ ...which, ...defined(rest) }, principal);
        return json(run, 202, { location: `/v1/replays/${run.id}` });
      },
    }),
    route({
      method: "POST",
      path: "/v1/dead-letters/discard",
      scope: "operate",
      id: "discardDeadLetters",
      summary: "Gives up on open letters, with a reason that stays",
      body: discard,
      answers: { 200: { description: "How many were open and are not any more.", schema: z.strictObject({ discarded: z.number() }) } },
      handle: async ({ body: { ids, group, filter, reason }, principal }) => {
        await mayAct(principal, { ids, group, filter });
        const which = defined({ ids, fingerprint: group, ...filter }) as DeadLetterFilter;
        return json({ discarded: await hf.deadLetters.discard(which, reason) });
      },
    }),
    route({
      method: "GET",
      path: "/v1/dead-letters/{id}",
      scope: "read",
      id: "getDeadLetter",
      summary: "One dead letter, with its request and every attempt",
      answers: { 200: { description: "It.", schema: whole } },
      handle: async ({ params, principal }) => {
        return json(wholeOf(await seen(params["id"] as string, principal)));
      },
    }),
  ];
}

/** Groups count letters of all accounts, which one account's token must not learn. */
function wholeApis(principal: Principal): Principal {
  if (!principal.bound) return principal;
  throw new ProblemError("forbidden", `the token ${principal.name} is bound to an account, and groups go over all of them; work with ids`);
}

function filterOf({ label, ...rest }: { readonly label?: Readonly<Record<string, string>> | undefined }): DeadLetterFilter {
  return { ...defined(rest), ...(label === undefined ? {} : { labels: label }) };
}

function defined<Given extends object>(given: Given): { [Name in keyof Given]?: Exclude<Given[Name], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never;
}

function shortOf({ request, attempts, ...rest }: DeadLetter, doubt: string | undefined): object {
  return {
    ...rest,
    ...(doubt === undefined ? {} : { doubt }),
    ...(request === undefined ? {} : { request: { method: request.method, url: request.url } }),
    attempts: attempts.length,
  };
}
