import type { AbortListener } from "./leaving.ts";

/** What carries a request over the wire: anything of the shape of `fetch`. It must not retry by itself. */
export interface Transport {
  (input: string, init: WireInit): Promise<WireAnswer>;
  /** It takes `ending` for a signal, and calls nothing of its user's, so that no call can stand inside of what it does. @default false */
  readonly direct?: boolean;
}

/** What `fetch` is given; to a transport that is `direct`, with an `ending` and without a signal. */
export interface WireInit extends RequestInit {
  readonly ending?: Ending | undefined;
}

/** What may end an attempt early, its caller or its timeout: what AbortSignal is, at a fraction of its cost. */
export interface Ending {
  /** Tells once, or not at all. There is one listener. */
  listen(listener: AbortListener): void;
}

/**
 * An answer as it comes off the wire. Every `Response` is one. A transport that has something cheaper answers that: the engine
 * makes a Response of it only for a caller who wants one.
 */
export interface WireAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;
  /** The body without a stream around it. Who takes it this way leaves `body` alone. */
  readonly pieces?: (() => BodyPieces) | undefined;
  /** The whole body, where all of it is there already and none of it was taken. Who takes it this way leaves the others alone. */
  whole?(): Uint8Array | undefined;
  /** Trailer fields, once the body has ended. */
  trailers?(): Readonly<Record<string, string | string[]>> | undefined;
  /**
   * There where the body comes as it was sent, compressed: takes bytes out of that, as far as they go and up to 1 MiB.
   * Undefined for what cannot be read.
   */
  readonly decode?: ((bytes: Uint8Array) => Uint8Array | undefined) | undefined;
}

/** A body, pulled one piece at a time; what the reader of a stream is too. Rejects when the connection breaks. */
export interface BodyPieces {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  /** Lets go of the rest. */
  cancel(reason?: unknown): Promise<void>;
}
