import { isHoldfastError } from "../core/errors.ts";
import { explain } from "../core/explain.ts";
import type { AttemptRecord, DeadLetter, StoredRequest } from "../ports/dead-letter-store.ts";
import { withFingerprint, type Engine, type OpenApi } from "./engine.ts";
import { FetchDoor } from "./fetch-door.ts";
import { doubtOf } from "./letter-doubt.ts";
import { mergePatch } from "./merge-patch.ts";
import type { PipelineDoor } from "./pipeline-door.ts";
import { ReplayHold } from "./replay-hold.ts";
import type { ReplayEntry, ReplayOptions } from "./replay-options.ts";

/** What became of one letter; `fingerprint` is that of its new failure. */
export interface Replayed {
  readonly entry: ReplayEntry;
  readonly fingerprint?: string | undefined;
}

/** What this engine has definitions of. */
export interface Known {
  readonly find: (name: string) => OpenApi | undefined;
  readonly pipelines: PipelineDoor;
}

/** How a letter is sent. */
type Manner = Pick<ReplayOptions, "patch" | "verify" | "confirm">;

/** A letter that is ours to send. */
interface Sending {
  readonly letter: DeadLetter;
  readonly request: StoredRequest;
  readonly open: OpenApi;
  readonly inDoubt: boolean;
  readonly hold: ReplayHold;
}

/** Where a step of a pipeline stands, by the labels of its letter. */
interface StepPlace {
  readonly pipeline: string;
  readonly run: string;
  readonly step: string;
}

/** Sends single letters again, and writes down what came of it. */
export class LetterReplay {
  readonly #engine: Engine;
  readonly #find: (name: string) => OpenApi | undefined;
  readonly #pipelines: PipelineDoor;
  readonly #manner: Manner;

  constructor(engine: Engine, { find, pipelines }: Known, manner: Manner) {
    this.#engine = engine;
    this.#find = find;
    this.#pipelines = pipelines;
    this.#manner = manner;
  }

  /** Sends a letter if it still is what was seen of it. */
  async replay({ id, revision }: Pick<DeadLetter, "id" | "revision">): Promise<Replayed> {
    const { store, runtime } = this.#engine;
    const { patch, confirm = false } = this.#manner;
    const skipped = (because: string): Replayed => ({ entry: { id, result: "skipped", because } });
    const letter = await store.deadLetters.get(id);
    if (letter?.revision !== revision) return skipped("another operator was first");
    const { pipeline, run, step } = letter.labels;
    if (pipeline !== undefined && run !== undefined && step !== undefined) return await this.#replayStep(letter, { pipeline, run, step });
    const open = this.#find(letter.api);
    if (open === undefined) return skipped(`no API named ${letter.api} is defined here`);
    if (letter.request === undefined) return skipped("its request is not kept: only the program that made the call can do it again");
    const doubt = doubtOf(letter, open.api, runtime.clock.now());
    if (doubt !== undefined && !doubt.canAsk && !confirm) {
      return skipped(`${doubt.because}; look it up at the other side and discard it, or send it with confirm`);
    }
    let request: StoredRequest;
    try {
      request = patched(letter, letter.request, patch);
    } catch (error) {
      return skipped(messageOf(error));
    }
    const hold = await ReplayHold.take(store.deadLetters, runtime, { id, revision, ...traceOfVanished(letter) });
    if (hold === undefined) return skipped("another operator was first");
    return await this.#send({ letter, request, open, inDoubt: doubt !== undefined, hold });
  }

  /** A step of a pipeline: done again where it stands in its run, which goes on from there. */
  async #replayStep(letter: DeadLetter, place: StepPlace): Promise<Replayed> {
    const { store, runtime } = this.#engine;
    const { id, revision, reason, state, attempts } = letter;
    const { patch, verify, confirm = false } = this.#manner;
    const skipped = (because: string): Replayed => ({ entry: { id, result: "skipped", because } });
    const { pipeline, step } = place;
    if (!this.#pipelines.knows(pipeline)) {
      return skipped(
        `it is the step ${step} of the pipeline ${pipeline}, which is not known here, and its run would not go on: give its definition under pipelines`,
      );
    }
    if (verify !== undefined) {
      return skipped(`it is the step ${step} of the pipeline ${pipeline}, which reads its answer itself: verify has no effect on it`);
    }
    if (patch !== undefined && !this.#pipelines.requests(pipeline, step)) {
      return skipped(`it is the step ${step} of the pipeline ${pipeline}, which is a function and no request: patch has no effect on it`);
    }
    const mayHaveHappened =
      reason === "outcome-unknown" || state === "replaying" || attempts.some(({ verdict }) => verdict.effect === "unknown");
    const hold = await ReplayHold.take(store.deadLetters, runtime, { id, revision, ...traceOfVanished(letter) });
    if (hold === undefined) return skipped("another operator was first");
    const collector = new ReplayCollector();
    const end = await this.#pipelines
      .replay({ ...place, inDoubt: mayHaveHappened, confirm, patch: changeOf(letter, patch) }, (again) =>
        collector.keep(again.letter, again.verdict),
      )
      .catch((error: unknown) => ({ state: "refused" as const, because: messageOf(error) }));
    if (end.state === "done") {
      await hold.end({ state: "resolved", note: end.because });
      return { entry: { id, result: "resolved", because: end.because } };
    }
    const again = collector.letter;
    if (end.state === "refused" || again === undefined) {
      const because = end.state === "refused" ? end.because : letter.title;
      await hold.end({ state: "open", note: because });
      return skipped(because);
    }
    const { fingerprint, title } = withFingerprint(again.letter, again.verdict);
    const note = again.letter.because.detail ?? again.letter.because.code;
    await hold.end({
      state: "open",
      note,
      attempts: again.letter.attempts,
      reason: again.letter.reason,
      because: again.letter.because,
      group: { fingerprint, title },
    });
    return { entry: { id, result: "failed-again", because: note }, fingerprint };
  }

  async #send({ letter, request, open, inDoubt, hold }: Sending): Promise<Replayed> {
    const { id, labels, partition } = letter;
    const { confirm = false } = this.#manner;
    const collector = new ReplayCollector();
    const door = new FetchDoor(this.#engine, open, { labels, ...(partition === "" ? {} : { partition }) });
    const originalBody = request === letter.request ? undefined : letter.request?.body;
    let failure: string | undefined;
    let refused = false;
    try {
      const init = { ...initOf(letter, request, open), signal: hold.lost };
      const resending = { operation: id, inDoubt, confirmed: confirm, originalBody, keep: collector.keep };
      failure = await this.#faultOf(await door.fetch(request.url, init, resending), letter);
    } catch (error) {
      failure = messageOf(error);
      refused = collector.letter === undefined && (explain(error)?.outcome === "refused" || isHoldfastError(error));
    }
    const takenOver: Replayed = { entry: { id, result: "skipped", because: "another replay has taken it over" } };
    if (failure === undefined) {
      if (!(await hold.end({ state: "resolved", note: "replayed" }))) return takenOver;
      return { entry: { id, result: "resolved", because: "replayed" } };
    }
    if (refused) {
      await hold.end({ state: "open", note: failure });
      return { entry: { id, result: "skipped", because: failure } };
    }
    const again = collector.letter;
    const group = again === undefined ? undefined : withFingerprint(again.letter, again.verdict);
    const ended = await hold.end({
      state: "open",
      note: failure,
      ...(again === undefined ? {} : { attempts: again.letter.attempts, reason: again.letter.reason, because: again.letter.because }),
      ...(group === undefined ? {} : { group: { fingerprint: group.fingerprint, title: group.title } }),
    });
    if (!ended) return takenOver;
    return { entry: { id, result: "failed-again", because: failure }, fingerprint: group?.fingerprint };
  }

  /** What is wrong with an answer; undefined where it passes. */
  async #faultOf(response: Response, letter: DeadLetter): Promise<string | undefined> {
    const told = explain(response);
    const { verify } = this.#manner;
    try {
      if (told?.outcome === "failed") return told.because.detail ?? told.because.code;
      if (response.status >= 400) return `the answer was ${response.status}`;
      if (verify === undefined) return undefined;
      return (await verify(response, letter)) ? undefined : `the answer (${response.status}) did not pass verify`;
    } catch (error) {
      return `verify threw: ${messageOf(error)}`;
    } finally {
      // What it says is of no further use, and a body that breaks off now changes nothing.
      if (!response.bodyUsed) await response.body?.cancel().catch(() => undefined);
    }
  }
}

/** A replay that was cut short by the end of its process may have sent it: that stays in the history, whatever comes next. */
function traceOfVanished({ state, attempts, changedAt }: DeadLetter): { readonly attempts?: readonly AttemptRecord[] } {
  if (state !== "replaying") return {};
  const detail = "a process vanished while it replayed this, and may have sent it";
  const attempt = (attempts.at(-1)?.attempt ?? 0) + 1;
  const verdict = { kind: "transient", effect: "unknown", rule: "holder-vanished", because: detail } as const;
  return {
    attempts: [{ attempt, startedAt: changedAt, durationMs: 0, verdict, because: { code: "outcome-unknown", rule: verdict.rule, detail } }],
  };
}

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/** What a patch makes of the JSON body of a letter. */
function changeOf(letter: DeadLetter, patch: Manner["patch"]): ((body: unknown) => unknown) | undefined {
  if (patch === undefined) return undefined;
  if (typeof patch !== "function") return (body) => mergePatch(body, patch);
  return (body) => (patch as (body: unknown, letter: DeadLetter) => unknown)(body, letter);
}

/** The request with its body changed. Throws where there is no JSON to change. */
function patched(letter: DeadLetter, request: StoredRequest, patch: Manner["patch"]): StoredRequest {
  if (patch === undefined) return request;
  let body: unknown;
  try {
    body = JSON.parse(decoder.decode(request.body ?? new Uint8Array()));
  } catch (cause) {
    throw new Error("its body is not JSON, which a patch could change", { cause });
  }
  const changed = changeOf(letter, patch)?.(body);
  const text = JSON.stringify(changed) as string | undefined;
  if (text === undefined) throw new Error("the patch made nothing of its body that has a JSON form");
  return { ...request, body: encoder.encode(text) };
}

type Kept = Parameters<Engine["keep"]>;

/** A replay that fails again makes no new letter: what would have been one goes into the history of the old. */
class ReplayCollector {
  letter: { readonly letter: Kept[0]; readonly verdict: Kept[1] } | undefined = undefined;

  readonly keep = async (letter: Kept[0], verdict: Kept[1]): Promise<void> => {
    this.letter = { letter, verdict };
  };
}

function initOf(letter: DeadLetter, request: StoredRequest, { api }: OpenApi): RequestInit {
  const headers = new Headers(request.headers.map(([name, value]) => [name, value] as [string, string]));
  const header = api.idempotency?.header ?? "idempotency-key";
  if (letter.idempotencyKey !== undefined && !headers.has(header)) headers.set("idempotency-key", letter.idempotencyKey);
  return { method: request.method, headers, ...(request.body === undefined ? {} : { body: request.body as BodyInit }) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
