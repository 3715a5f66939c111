import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import { systemClock } from "../../adapters/clock/system.ts";
import { sqlite } from "../../adapters/store/sqlite/index.ts";
import { createHoldfast, type Holdfast } from "../../client/holdfast.ts";
import type { DeadLetter } from "../../ports/dead-letter-store.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Transport } from "../../ports/transport.ts";
import { openApisProcess, type Apis, type ApisProcess } from "./apis.ts";
import { clientApis, questionsTo, type Questions } from "./client.ts";
import { becomeOnlyRun } from "./only-run.ts";
import { replayApis, showRun, urlsOf, type Look } from "./dashboard.ts";
import { planFor, type Plan } from "./plan.ts";
import { lookAtLanes, lookAtSteps, newProgress, type ApiProgress, type Progress, type Screen } from "./progress.ts";
import { reportOf, type DemoReport } from "./report.ts";
import {
  beginStretch,
  noteStory,
  pathIn,
  readState,
  readStory,
  runFolder,
  workOf,
  writeState,
  type Begun,
  type RunFolder,
  type RunState,
} from "./run-folder.ts";
import { leadsOf, type SourceOptions } from "./source.ts";
import { leadPipeline } from "./steps.ts";
import { storyClock } from "./story-clock.ts";
import { tally } from "./tally.ts";
import type { ApiName } from "./weather.ts";
import { clockText } from "./screens.ts";

export interface DemoOptions extends SourceOptions {
  /** The store's file. @default .holdfast/demo/holdfast.db */
  readonly store?: string | undefined;
  /** Story seconds in a second. */
  readonly speed: number;
}

export interface DemoParts {
  readonly screen: Screen;
  /** Told how it came out, before anybody looks at it. */
  readonly ended?: (report: DemoReport) => void;
  /** Somebody wants to look at the run when it has ended. */
  readonly look?: Look;
  /** What a test may put in place of the real thing, to see that the demo notices. */
  readonly sabotage?: {
    readonly questions?: (honest: Questions) => Questions;
    readonly transport?: (honest: Transport) => Transport;
  };
}

/** The engine of the job. */
type Engine = Holdfast<ApiName>;

const LOOK_MS = 100;
/** This process is the only run in its folder, and the APIs of the one before are gone: its runs need not wait for their leases. */
const HOLDER = "demo";
/** Refused rows that are told on the screen; the file has all of them. */
const TOLD_ROWS = 20;

/** A newer start in the same folder goes on with this run. */
export class SupersededError extends Error {
  constructor() {
    super("a newer start in the same folder has taken this run over");
  }
}

/** The whole main job: leads through four flaky APIs, and what their ledgers say at the end. */
export async function runDemo(options: DemoOptions, parts: DemoParts): Promise<DemoReport> {
  const { screen } = parts;
  const source = await leadsOf(options);
  const folder = runFolder(options.store);
  const own = await becomeOnlyRun(folder.path, () => {
    screen.note("another run is at work here: it is asked to stop, and this one goes on where it stands");
  });
  if (own === undefined) throw new SupersededError();
  const superseded = own.superseded.then((): never => {
    throw new SupersededError();
  });
  try {
    let report: DemoReport;
    const apisProcess = await openApisProcess(folder.path);
    try {
      const begun = beginStretch(
        folder,
        workOf(source.leads, options.seed),
        { speed: options.speed, lengthMs: planFor(source.leads.length).lengthMs },
        systemClock.now(),
      );
      tellBeginning(screen, folder, begun, source);
      report = await Promise.race([oneStretch({ options, parts, folder, begun, source, apisProcess }), superseded]);
    } finally {
      await apisProcess.close();
    }
    screen.end();
    parts.ended?.(report);
    const { ports } = readState(folder) ?? {};
    if (parts.look !== undefined && ports !== undefined) {
      const { look } = parts;
      // A newer start in the folder puts another run in place of this one.
      const enough = (): Promise<unknown> => Promise.race([look.enough(), own.superseded]);
      await showRun(folder, { ports, leads: source.leads.length }, { ...look, enough });
    }
    return report;
  } finally {
    own.release();
    screen.end();
  }
}

interface StretchParts {
  readonly options: DemoOptions;
  readonly parts: DemoParts;
  readonly folder: RunFolder;
  readonly begun: Begun;
  readonly source: Awaited<ReturnType<typeof leadsOf>>;
  readonly apisProcess: ApisProcess;
}

/** From a start to the end, or to the next kill. */
async function oneStretch({ options, parts, folder, begun, source, apisProcess }: StretchParts): Promise<DemoReport> {
  const startedAt = systemClock.monotonic();
  const { state } = begun;
  const clock = storyClock(state.stretch);
  const plan = planFor(source.leads.length);
  const toldMs = (): number => clock.now() - state.beganAt;
  const apis = await apisProcess.start({ plan, weather: "bad", stretch: state.stretch, seed: options.seed, ports: state.ports });
  const withPorts: RunState = { ...state, ports: apis.ports };
  writeState(folder, withPorts);
  writeReplayConfig(folder, apis);

  const engine = await openEngine(folder, plan, { apis, clock, parts });
  const progress = newProgress(source.leads.length);
  const stopShowing = show(engine, progress, { folder, screen: parts.screen, toldMs });

  for (const { labels } of await lettersOf(engine)) {
    const api = progress.apis[labels["step"] as ApiName] as ApiProgress | undefined;
    if (api !== undefined) api.kept += 1;
  }
  const job = engine.pipeline(leadPipeline, { holder: HOLDER }).runAll(source.leads, {
    concurrency: plan.open,
    onProgress: (now) => lookAtSteps(progress, now),
  });
  await Promise.race([job, apis.died]);
  stopShowing();

  const result = tally(
    source.leads.map(({ id }) => id),
    await apis.report(),
    await lettersOf(engine),
  );
  const storyMs = toldMs();
  await engine.close();
  writeState(folder, { ...withPorts, finished: true });
  return reportOf({
    tally: result,
    refused: source.refused,
    story: readStory(folder),
    storyMs,
    seconds: (systemClock.monotonic() - startedAt) / 1_000,
    starts: state.starts,
    replayed: progress.replayed,
    speed: options.speed,
    seed: options.seed,
    from: source.from,
    store: shown(folder.store),
    config: shown(pathIn(folder, "config")),
    storeOption: options.store,
  });
}

const honestly: Transport = (input, init) => globalThis.fetch(input, init);

function openEngine(
  folder: RunFolder,
  plan: Plan,
  { apis, clock, parts }: { readonly apis: Apis; readonly clock: Clock; readonly parts: DemoParts },
): Promise<Engine> {
  const baseUrls = urlsOf(apis.ports);
  const honest = questionsTo(baseUrls, clock);
  const questions = parts.sabotage?.questions?.(honest) ?? honest;
  const transport = parts.sabotage?.transport?.(honestly) ?? honestly;
  return createHoldfast({ store: sqlite(folder.store), apis: clientApis(plan, baseUrls, questions), clock, transport });
}

/** Lets the screen see what the engine does, until the returned function is called. */
function show(
  engine: Engine,
  progress: Progress,
  { folder, screen, toldMs }: { readonly folder: RunFolder; readonly screen: Screen; readonly toldMs: () => number },
): () => void {
  engine.on("retry:scheduled", ({ lane }) => {
    if (lane !== undefined) progress.apis[lane.api as ApiName].retries += 1;
  });
  engine.on("step:settled", ({ step, state }) => {
    if (state === "parked") progress.apis[step as ApiName].kept += 1;
  });
  engine.on("run:opened", ({ steps }) => void (progress.replayed += steps));
  engine.on("breaker:changed", ({ lane: { api, endpoint }, from, to, because, retryAfterMs }) => {
    const atMs = toldMs();
    noteStory(folder, { type: "breaker", atMs, api, endpoint, to, because });
    if (to === "open") {
      const what = from === "half-open" ? "stays open" : "opens";
      screen.note(
        `${clockText(atMs)}  ${api} ${endpoint}: its breaker ${what} (${because}); a probe in ${Math.ceil(retryAfterMs / 1_000)} s`,
      );
    }
    if (to === "closed") screen.note(`${clockText(atMs)}  ${api} ${endpoint}: its breaker closes`);
  });
  let timer: unknown;
  const look = (): void => {
    lookAtLanes(progress, engine);
    screen.show(progress, toldMs());
    timer = systemClock.setTimer(look, LOOK_MS);
  };
  look();
  return () => {
    systemClock.clearTimer(timer);
    lookAtLanes(progress, engine);
    screen.show(progress, toldMs());
  };
}

async function lettersOf(engine: Engine): Promise<readonly DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for (let after: string | null | undefined; after !== null;) {
    const page = await engine.deadLetters.list({}, { limit: 500, ...(after === undefined ? {} : { after }) });
    letters.push(...page.items);
    after = page.next;
  }
  return letters;
}

function tellBeginning(screen: Screen, folder: RunFolder, { before, state }: Begun, source: StretchParts["source"]): void {
  const { leads, refused, from } = source;
  switch (before) {
    case "resumed":
      screen.note(`an unfinished run is in ${shown(folder.path)}: going on where it stands (start ${state.starts})`);
      break;
    case "replaced finished":
      screen.note(`the finished run in ${shown(folder.path)} is replaced`);
      break;
    case "replaced other work":
      screen.note(`the run in ${shown(folder.path)} was of other leads or another seed: it is replaced`);
      break;
    case "nothing":
      break;
  }
  screen.note(
    `${leads.length} leads from ${from}, ${state.stretch.speed === 1 ? "in real time" : `${state.stretch.speed} times as fast as life`}`,
  );
  if (refused.length === 0) return;
  const rows = refused.map(({ line, because }) => `line ${line} is refused: ${because}`);
  writeFileSync(pathIn(folder, "refused"), rows.map((row) => `${row}\n`).join(""));
  for (const row of rows.slice(0, TOLD_ROWS)) screen.note(row);
  if (rows.length > TOLD_ROWS) screen.note(`… and ${rows.length - TOLD_ROWS} more rows, all listed in ${shown(pathIn(folder, "refused"))}`);
}

/** For `holdfast dlq replay`: the same APIs, and the pipeline whose runs go on. */
function writeReplayConfig(folder: RunFolder, apis: Apis): void {
  const data = { store: `sqlite:${folder.store}`, apis: replayApis(urlsOf(apis.ports)) };
  const steps = new URL(`./steps${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url).href;
  const lines = [
    `import { leadPipeline } from ${JSON.stringify(steps)};`,
    "",
    `export default { ...${JSON.stringify(data, null, 2)}, pipelines: [leadPipeline] };`,
  ];
  writeFileSync(pathIn(folder, "config"), `${lines.join("\n")}\n`);
}

/** A path as one would type it here. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short !== "" && !short.startsWith("..") ? short : path;
}
