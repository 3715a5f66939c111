import type { Clock } from "../ports/clock.ts";
import type { StoredAnswer } from "../ports/idempotency-store.ts";
import type { BodyPieces, WireAnswer } from "../ports/transport.ts";

/** How much of a body is looked at to judge an answer. */
export const EXCERPT_BYTES: number = 64 * 1024;
/** Bodies up to this are read before the answer is handed over, so that one that breaks off is retried and not passed on. */
const WHOLE_BYTES = 1024 * 1024;
/** How long a refusal may take to say its reason. After that it is judged by what has come: some never end. */
const PATIENCE_MS = 2_000;
/** How much of an answer is kept in the history. */
const KEPT_CHARACTERS = 2_000;

/** Headers of an answer that tell something and hold no secret; only these are kept. */
const KEPT_HEADERS =
  /^(content-type|content-length|date|retry-after|retry-after-ms|x-should-retry|stripe-should-retry|ratelimit.*|x-ratelimit.*|x-rate-limit.*|x-request-id|request-id|.*-request-id|x-correlation-id|idempotency-replayed|location|server|via|.*ratelimit.*)$/;
const REQUEST_ID_HEADERS = ["x-request-id", "request-id", "x-correlation-id", "x-amzn-requestid", "cf-ray"];

/** What described the transfer does not describe the kept bytes; a cookie is not for somebody else. */
const NOT_STORED: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "set-cookie",
]);
/** Says of an answer that is given again that its body was too long, or a stream, and was not kept. */
const BODY_NOT_KEPT = "holdfast-body-not-kept";

/** Bodies that come piece by piece, each piece for itself. */
const STREAMS = /^(?:text\/event-stream|multipart\/|application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines|json-seq|stream\+json))/i;
const JSON_TYPE = /^[^;]*[/+]json\s*(?:;|$)/i;

const decoder = new TextDecoder();

/**
 * One answer on its way to the caller. What was read of its body in order to judge it is put back in front, so that the
 * caller gets the whole body, and gets it as a stream where it is one.
 */
export class HttpAnswer {
  #wire: WireAnswer;
  /** What was read of the body, as it came. */
  #seen: Uint8Array | undefined = undefined;
  #excerpt: string | undefined = undefined;
  /** The whole body, where it was read as a whole. */
  #bytes: Uint8Array | undefined = undefined;
  /** The body has been read, and stands in `#bytes` alone. */
  #consumed = false;

  constructor(wire: WireAnswer) {
    this.#wire = wire;
  }

  get status(): number {
    return this.#wire.status;
  }

  get statusText(): string {
    return this.#wire.statusText;
  }

  get headers(): Headers {
    return this.#wire.headers;
  }

  /** The body's first 64 KiB as text, as far as it was read. Made when it is first asked for: most answers are successes. */
  get excerpt(): string | undefined {
    if (this.#excerpt === undefined && this.#seen !== undefined) {
      const readable = this.#decoded(this.#seen) ?? NOTHING;
      this.#excerpt = decoder.decode(readable.subarray(0, EXCERPT_BYTES));
    }
    return this.#excerpt;
  }

  /** The whole body as it came, where it was read as a whole. */
  get bytes(): Uint8Array | undefined {
    return this.#bytes;
  }

  /** Trailer fields, once the body has ended. */
  get trailers(): Readonly<Record<string, string | string[]>> | undefined {
    return this.#wire.trailers?.();
  }

  /** Whether the body comes piece by piece, so that the first must not wait for the last. */
  get streams(): boolean {
    return STREAMS.test(this.headers.get("content-type") ?? "");
  }

  /** Whether the body is small enough, and of a kind, to be read before it is handed over. */
  get isSmall(): boolean {
    if (this.streams) return false;
    const length = this.headers.get("content-length");
    return length === null ? this.isJson : Number(length) <= WHOLE_BYTES;
  }

  get isJson(): boolean {
    return JSON_TYPE.test(this.headers.get("content-type") ?? "");
  }

  /** The text of the whole body, where it was read as a whole. */
  get text(): string | undefined {
    if (this.#bytes === undefined) return undefined;
    const readable = this.#decoded(this.#bytes);
    return readable === undefined ? undefined : decoder.decode(readable);
  }

  /** Takes the whole body, if all of it has come already; answers whether it is there now. */
  takeWhole(): boolean {
    if (this.#seen !== undefined) return true;
    if (this.#wire.pieces === undefined && this.#wire.whole === undefined && this.#wire.body === null) {
      this.#keep([], 0, true);
      return true;
    }
    const whole = this.#wire.whole?.();
    if (whole === undefined) return false;
    this.#seen = whole;
    this.#bytes = whole;
    this.#consumed = true;
    return true;
  }

  /** Reads the whole body, up to 1 MiB. Rejects as the body does when the connection breaks. */
  read(): Promise<void> {
    return this.#read(WHOLE_BYTES, undefined);
  }

  /** Whether as much of the body has been read as will be, to judge and keep it. */
  get isRead(): boolean {
    return this.#seen !== undefined;
  }

  /** Reads what a refusal says about itself, as far as it comes in time. What breaks off is judged by what has come. */
  async readReason(clock: Clock): Promise<void> {
    let late: (() => void) | undefined;
    const timer = clock.setTimer(() => late?.(), PATIENCE_MS);
    try {
      await this.#read(this.isSmall ? WHOLE_BYTES : EXCERPT_BYTES, new Promise((resolve) => (late = () => resolve(undefined))));
    } catch {
      // It is a refusal whole or not, and what broke off breaks off for its reader too.
    } finally {
      clock.clearTimer(timer);
    }
  }

  async #read(limit: number, timeUp: Promise<undefined> | undefined): Promise<void> {
    if (this.takeWhole()) return;
    const reader = this.#reader();
    if (reader === undefined) {
      this.#keep([], 0, true);
      return;
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    let ended = false;
    let pending: ReturnType<typeof reader.read> | undefined;
    try {
      while (size < limit) {
        pending = reader.read();
        const part = await (timeUp === undefined ? pending : Promise.race([pending, timeUp]));
        if (part === undefined) break;
        pending = undefined;
        if (part.done) {
          ended = true;
          break;
        }
        const piece = part.value as Uint8Array;
        chunks.push(piece);
        size += piece.length;
      }
    } catch (error) {
      const read = this.#keep(chunks, size, false);
      this.#wire = rebuilt(this.#wire, broken(read, error));
      throw error;
    }
    const read = this.#keep(chunks, size, ended);
    // Put back when somebody asks for it: many answers are only judged and kept.
    if (ended) this.#consumed = true;
    else this.#wire = rebuilt(this.#wire, resumed(read, reader, pending));
  }

  #reader(): BodyPieces | undefined {
    const { pieces } = this.#wire;
    return pieces === undefined ? this.#wire.body?.getReader() : pieces.call(this.#wire);
  }

  #keep(chunks: readonly Uint8Array[], size: number, whole: boolean): Uint8Array {
    const read = join(chunks, size);
    this.#seen = read;
    if (whole) this.#bytes = read;
    return read;
  }

  /** Bytes of the body as a reader wants them. */
  #decoded(bytes: Uint8Array): Uint8Array | undefined {
    const { decode } = this.#wire;
    return decode === undefined ? bytes : decode(bytes);
  }

  /** The body, or what is left of it, to be passed on as it came; undefined where there is none. */
  pieces(): BodyPieces | undefined {
    return this.#consumed ? this.#whole().body?.getReader() : this.#reader();
  }

  /** Lets go of a body that nobody will read, so that its connection is free again. */
  discard(): void {
    if (this.#consumed) return;
    const { body, pieces } = this.#wire;
    if (pieces !== undefined) pieces.call(this.#wire).cancel().catch(ignored);
    else if (body !== null && !body.locked) body.cancel().catch(ignored);
  }

  /** The rest of a body that streams ends when `signal` aborts. */
  endWith(signal: AbortSignal): void {
    if (this.#bytes !== undefined) return;
    const { body } = this.#wire;
    if (body === null) return;
    this.#wire = rebuilt(this.#wire, body.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(), { signal }));
  }

  /** The answer for the caller. `veto` tells an SDK above that retrying is over: its own retries would only multiply ours. */
  hand(veto: boolean): Response {
    const whole = this.#asResponse();
    if (!veto || !canRebuild(whole)) return whole;
    const response = rebuilt(whole, whole.body);
    response.headers.set("x-should-retry", "false");
    response.headers.set("stripe-should-retry", "false");
    return response;
  }

  #asResponse(): Response {
    const whole = this.#whole();
    if (isResponse(whole)) return whole;
    const response = rebuilt(whole, whole.body);
    this.#wire = response;
    return response;
  }

  /** The answer with all of its body. */
  #whole(): WireAnswer {
    if (this.#consumed) {
      this.#consumed = false;
      this.#wire = rebuilt(this.#wire, this.#bytes ?? null);
    }
    return this.#wire;
  }

  /** What is kept of it in a history. */
  get kept(): { headers: Record<string, string>; bodyExcerpt?: string; upstreamRequestId?: string } {
    const headers: Record<string, string> = {};
    for (const [name, value] of this.headers) {
      // Where it points is worth keeping; a query may carry a one-time code.
      if (KEPT_HEADERS.test(name)) headers[name] = name === "location" ? value.replace(/[?#].*$/s, "") : value;
    }
    const { excerpt } = this;
    let id: string | null = null;
    for (const name of REQUEST_ID_HEADERS) id ??= this.headers.get(name);
    return {
      headers,
      ...(excerpt === undefined || excerpt === "" ? {} : { bodyExcerpt: excerpt.slice(0, KEPT_CHARACTERS) }),
      ...(id === null ? {} : { upstreamRequestId: id }),
    };
  }

  /** The whole answer, to be given again; undefined for one that streams, breaks off, or is longer than 1 MiB. */
  async store(): Promise<StoredAnswer | undefined> {
    if (this.#seen === undefined && !this.streams) await this.read().catch(ignored);
    return this.storeRead();
  }

  /** The same of what was read of it so far. */
  storeRead(): StoredAnswer | undefined {
    const readable = this.#bytes === undefined ? undefined : this.#decoded(this.#bytes);
    return readable === undefined ? undefined : this.#stored(unshared(readable), []);
  }

  /** What can be kept of an answer whose body cannot: that it came, and what it said in its head. */
  outline(): StoredAnswer {
    return this.#stored(new Uint8Array(), [[BODY_NOT_KEPT, "true"]]);
  }

  #stored(body: Uint8Array, extra: readonly (readonly [string, string])[]): StoredAnswer {
    const { status, statusText, headers } = this.#wire;
    return { type: "response", status, statusText, headers: [...[...headers].filter(([name]) => !NOT_STORED.has(name)), ...extra], body };
  }

  /** An answer that was kept. */
  static kept(stored: StoredAnswer): HttpAnswer {
    return HttpAnswer.#restore(stored, new Headers(stored.headers?.map(([name, value]) => [name, value] as [string, string])));
  }

  /** An answer that was kept, marked as one that stands in for another call. */
  static replay(stored: StoredAnswer): HttpAnswer {
    const headers = new Headers(stored.headers?.map(([name, value]) => [name, value] as [string, string]));
    headers.set("idempotency-replayed", "true");
    return HttpAnswer.#restore(stored, headers);
  }

  static #restore({ status = 200, statusText = "", body }: StoredAnswer, headers: Headers): HttpAnswer {
    return new HttpAnswer(new Response(hasNoBody(status) ? null : (body as BodyInit), { status, statusText, headers }));
  }
}

/** A Response around another body. One that is made by hand forgets its URL, and so would its clones. */
class Rebuilt extends Response {
  readonly #of: { readonly url?: string; readonly redirected?: boolean };
  /** Where the body is what came off the wire, it is still compressed as that was. */
  readonly decode: WireAnswer["decode"];

  constructor(body: BodyInit | null, of: WireAnswer & { readonly url?: string; readonly redirected?: boolean }) {
    super(body, { status: of.status, statusText: of.statusText, headers: of.headers as unknown as HeadersInit });
    this.#of = of;
    this.decode = of.decode;
  }

  override get url(): string {
    return this.#of.url ?? "";
  }

  override get redirected(): boolean {
    return this.#of.redirected ?? false;
  }

  override clone(): Response {
    return new Rebuilt(super.clone().body, this);
  }
}

function rebuilt(response: WireAnswer, body: Uint8Array | ReadableStream<Uint8Array> | null): Response {
  return new Rebuilt(hasNoBody(response.status) ? null : (body as BodyInit | null), response);
}

/** Bytes by themselves: a small body most often is a part of all that was read from its socket. */
function unshared(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

function ignored(): undefined {
  return undefined;
}

const NOTHING = new Uint8Array();

/** Of whichever make: a transport may bring its own. */
function isResponse(answer: WireAnswer): answer is Response {
  return typeof (answer as Partial<Response>).clone === "function";
}

/** A browser's opaque redirect has the status 0, which no Response can be made with. */
function canRebuild({ status }: Response): boolean {
  return status >= 200 && status <= 599;
}

function hasNoBody(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

function join(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  const all = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.length;
  }
  return all;
}

/** What was read, and then the rest as it comes. `pending` is a read that was begun and has not ended; its error is only that of whoever reads on. */
function resumed(read: Uint8Array, reader: BodyPieces, pending: ReturnType<BodyPieces["read"]> | undefined): ReadableStream<Uint8Array> {
  let begun = pending;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      if (read.length > 0) controller.enqueue(read);
    },
    async pull(controller) {
      const part = await (begun ?? reader.read());
      begun = undefined;
      if (part.done) controller.close();
      else controller.enqueue(part.value as Uint8Array);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** What was read, and then the error that ended it: what a reader of the original body would have met. */
function broken(read: Uint8Array, error: unknown): ReadableStream<Uint8Array> {
  let given = read.length === 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (given) controller.error(error);
        else controller.enqueue(read);
        given = true;
      },
    },
    { highWaterMark: 0 },
  );
}
