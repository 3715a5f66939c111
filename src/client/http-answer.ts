import type { StoredAnswer } from "../ports/idempotency-store.ts";

/** How much of a body is looked at to judge an answer. */
export const EXCERPT_BYTES: number = 64 * 1024;
/** Bodies up to this are read before the answer is handed over, so that one that breaks off is retried and not passed on. */
const WHOLE_BYTES = 1024 * 1024;
/** How much of an answer is kept in the history. */
const KEPT_CHARACTERS = 2_000;

/** Headers of an answer that tell something and hold no secret; only these are kept. */
const KEPT_HEADERS =
  /^(content-type|content-length|date|retry-after|retry-after-ms|x-should-retry|stripe-should-retry|ratelimit.*|x-ratelimit.*|x-rate-limit.*|x-request-id|request-id|.*-request-id|x-correlation-id|idempotency-replayed|location|server|via|.*ratelimit.*)$/;
const REQUEST_ID_HEADERS = ["x-request-id", "request-id", "x-correlation-id", "x-amzn-requestid", "cf-ray"];

const decoder = new TextDecoder();

/**
 * One answer on its way to the caller. What was read of its body in order to judge it is put back in front, so that the
 * caller gets the whole body, and gets it as a stream where it is one.
 */
export class HttpAnswer {
  #response: Response;
  #excerpt: string | undefined = undefined;
  #whole = false;

  constructor(response: Response) {
    this.#response = response;
  }

  get status(): number {
    return this.#response.status;
  }

  get headers(): Headers {
    return this.#response.headers;
  }

  /** The body's first 64 KiB as text, if `read` was called. */
  get excerpt(): string | undefined {
    return this.#excerpt;
  }

  /** Whether the body is small enough, and of a kind, to be read before it is handed over. */
  get isSmall(): boolean {
    const type = this.headers.get("content-type") ?? "";
    if (type.startsWith("text/event-stream") || type.includes("ndjson")) return false;
    const length = this.headers.get("content-length");
    return length === null ? type.includes("json") : Number(length) <= WHOLE_BYTES;
  }

  get isJson(): boolean {
    return /[/+]json\b/.test(this.headers.get("content-type") ?? "");
  }

  /**
   * Reads the body: all of it if it is small, else its first 64 KiB. Rejects as the body does when the connection breaks.
   */
  async read(): Promise<void> {
    if (this.#excerpt !== undefined) return;
    const { body } = this.#response;
    if (body === null) {
      this.#excerpt = "";
      this.#whole = true;
      return;
    }
    const limit = this.isSmall ? WHOLE_BYTES : EXCERPT_BYTES;
    const reader = body.getReader();
    const chunks: Uint8Array[] = [];
    let size = 0;
    let ended = false;
    while (size < limit) {
      const { done, value } = await reader.read();
      if (done) {
        ended = true;
        break;
      }
      chunks.push(value);
      size += value.length;
    }
    const read = join(chunks, size);
    this.#excerpt = decoder.decode(read.subarray(0, EXCERPT_BYTES));
    this.#whole = ended;
    this.#response = rebuilt(this.#response, ended ? read : resume(read, reader));
  }

  /** The text of the whole body, where it was read as a whole. */
  get text(): string | undefined {
    return this.#whole ? this.#excerpt : undefined;
  }

  /** Lets go of a body that nobody will read. */
  discard(): void {
    this.#response.body?.cancel().catch(() => undefined);
  }

  /** The answer for the caller. `veto` tells an SDK above that retrying is over: its own retries would only multiply ours. */
  hand(veto: boolean): Response {
    if (!veto) return this.#response;
    const response = rebuilt(this.#response, this.#response.body);
    response.headers.set("x-should-retry", "false");
    response.headers.set("stripe-should-retry", "false");
    return response;
  }

  /** What is kept of it in a history. */
  get kept(): { headers: Record<string, string>; bodyExcerpt?: string; upstreamRequestId?: string } {
    const headers: Record<string, string> = {};
    for (const [name, value] of this.headers) if (KEPT_HEADERS.test(name)) headers[name] = value;
    const id = REQUEST_ID_HEADERS.map((name) => this.headers.get(name)).find((value) => value !== null);
    return {
      headers,
      ...(this.#excerpt === undefined || this.#excerpt === "" ? {} : { bodyExcerpt: this.#excerpt.slice(0, KEPT_CHARACTERS) }),
      ...(id === undefined || id === null ? {} : { upstreamRequestId: id }),
    };
  }

  /** The whole answer, to be given again; undefined for one that streams. Replaces its body, which this consumes. */
  async store(): Promise<StoredAnswer | undefined> {
    if ((this.headers.get("content-type") ?? "").startsWith("text/event-stream")) return undefined;
    const body = new Uint8Array(await this.#response.arrayBuffer());
    const { status, statusText, headers } = this.#response;
    this.#response = rebuilt(this.#response, body);
    // What described the transfer does not describe the kept bytes; a cookie is not for somebody else.
    const kept = [...headers].filter(
      ([name]) => !["content-encoding", "content-length", "transfer-encoding", "connection", "keep-alive", "set-cookie"].includes(name),
    );
    return { type: "response", status, statusText, headers: kept, body };
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

/** The same answer around another body. A Response made by hand forgets its URL, so it is told again. */
function rebuilt(response: Response, body: Uint8Array | ReadableStream<Uint8Array> | null): Response {
  const { status, statusText, headers, url, redirected } = response;
  const again = new Response(hasNoBody(status) ? null : (body as BodyInit | null), { status, statusText, headers });
  Object.defineProperty(again, "url", { value: url });
  Object.defineProperty(again, "redirected", { value: redirected });
  return again;
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

/** What was read, and then the rest as it comes. */
function resume(read: Uint8Array, reader: ReadableStreamDefaultReader<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(read),
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
