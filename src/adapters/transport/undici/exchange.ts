import type { Dispatcher } from "undici";
import type { AbortListener } from "../../../ports/leaving.ts";
import type { BodyPieces, WireAnswer } from "../../../ports/transport.ts";
import { WireHeaders, type HeaderFields } from "../../../ports/wire-headers.ts";
import { decodedPieces, decoderOf, isPlain } from "./content-decoding.ts";

type Controller = Dispatcher.DispatchController;
type Fields = Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseStart"]>>[2];
type Piece = Awaited<ReturnType<BodyPieces["read"]>>;

/** More than this, not yet read, and the other side has to wait. */
const HELD_BYTES = 64 * 1024;

const NOTHING = new Uint8Array();
const END: Piece = { done: true };

/**
 * One request and its answer, as undici tells of them. It is the handler, the answer and its body in one object, because there
 * is one for each call: modes are waiting for the head (`#resolve` is there), then the body, then its end or its error.
 */
export class Exchange implements Dispatcher.DispatchHandler, WireAnswer, BodyPieces, AbortListener {
  status = 0;
  statusText = "";
  headers: Headers = NO_HEADERS;
  /** Whoever reads it wants it as the other side meant it, not as it was sent. */
  readonly #decodes: boolean;
  #resolve: ((answer: WireAnswer) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #controller: Controller | undefined = undefined;
  readonly #pieces: Uint8Array[] = [];
  #held = 0;
  #ended = false;
  #failed: { readonly error: unknown } | undefined = undefined;
  #trailers: Fields | undefined = undefined;
  /** Who waits for the next piece. */
  #reader: { resolve(piece: Piece): void; reject(error: unknown): void } | undefined = undefined;
  #stream: ReadableStream<Uint8Array> | undefined = undefined;
  #decoded: BodyPieces | undefined = undefined;

  constructor(resolve: (answer: WireAnswer) => void, reject: (error: unknown) => void, decodes: boolean) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#decodes = decodes;
  }

  // What undici tells.

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#failed !== undefined) controller.abort(asError(this.#failed.error));
  }

  onResponseStart(_: Controller, status: number, fields: Fields, statusText?: string): void {
    // 103 and its like tell of an answer to come.
    if (status < 200) return;
    this.status = status;
    this.statusText = statusText ?? "";
    this.headers = new WireHeaders(fields as HeaderFields);
    if (this.#decodes) this.#decodeBody();
    const resolve = this.#resolve;
    this.#resolve = undefined;
    this.#reject = undefined;
    resolve?.(this);
  }

  onResponseData(controller: Controller, piece: Uint8Array): void {
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      reader.resolve({ done: false, value: piece });
      return;
    }
    this.#pieces.push(piece);
    this.#held += piece.length;
    if (this.#held >= HELD_BYTES) controller.pause();
  }

  onResponseEnd(_: Controller, trailers: Fields): void {
    this.#ended = true;
    this.#trailers = trailers;
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.resolve(END);
  }

  onResponseError(_: Controller, error: unknown): void {
    this.#fail(error);
  }

  // What the engine asks.

  /** The stream of a Response; made only for a caller who wants one. */
  get body(): ReadableStream<Uint8Array> | null {
    if (this.#stream !== undefined) return this.#stream;
    if (this.status === 204 || this.status === 304) return null;
    const pieces = this.pieces();
    this.#stream = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { done, value } = await pieces.read();
          if (done) controller.close();
          else controller.enqueue(value as Uint8Array);
        },
        cancel: (reason) => pieces.cancel(reason),
      },
      { highWaterMark: 0 },
    );
    return this.#stream;
  }

  pieces(): BodyPieces {
    return this.#decoded ?? this;
  }

  /** What is small has come with its head. */
  whole(): Uint8Array | undefined {
    const { length } = this.#pieces;
    if (!this.#ended || this.#decoded !== undefined || this.#stream !== undefined || length > 1) return undefined;
    return this.#pieces.shift() ?? NOTHING;
  }

  trailers(): Readonly<Record<string, string | string[]>> | undefined {
    return this.#trailers as Readonly<Record<string, string | string[]>> | undefined;
  }

  get decode(): ((bytes: Uint8Array) => Uint8Array | undefined) | undefined {
    return this.#decodes ? undefined : decoderOf(this.headers.get("content-encoding"));
  }

  read(): Promise<Piece> {
    const piece = this.#pieces.shift();
    if (piece !== undefined) {
      this.#held -= piece.length;
      if (this.#held < HELD_BYTES) this.#controller?.resume();
      return Promise.resolve({ done: false, value: piece });
    }
    if (this.#ended) return Promise.resolve(END);
    if (this.#failed !== undefined) return Promise.reject(asError(this.#failed.error));
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  cancel(reason?: unknown): Promise<void> {
    if (!this.#ended) this.cut(reason ?? new DOMException("nobody reads the rest of the answer", "AbortError"));
    return Promise.resolve();
  }

  /** Whether it was given up before it had begun. */
  get isCut(): boolean {
    return this.#failed !== undefined;
  }

  onAborted(reason: unknown): void {
    this.cut(reason);
  }

  /** Hangs up: whoever waits is told the reason. */
  cut(reason: unknown): void {
    if (this.#ended || this.#failed !== undefined) return;
    this.#fail(reason);
    this.#controller?.abort(asError(reason));
  }

  /** From now on the body is read as it was meant. Called once, right after the head has come. */
  #decodeBody(): void {
    const encoding = this.headers.get("content-encoding");
    if (encoding === null || isPlain(encoding)) return;
    this.#decoded = decodedPieces(this, encoding);
    if (this.#decoded === undefined) return;
    this.headers.delete("content-encoding");
    this.headers.delete("content-length");
  }

  #fail(error: unknown): void {
    this.#failed ??= { error };
    const reject = this.#reject;
    const reader = this.#reader;
    this.#resolve = undefined;
    this.#reject = undefined;
    this.#reader = undefined;
    reject?.(error);
    reader?.reject(error);
  }
}

const NO_HEADERS: Headers = new WireHeaders();

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason), { cause: reason });
}
