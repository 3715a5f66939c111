/** What carries a request over the wire: anything of the shape of `fetch`. It must not retry by itself. */
export type Transport = (input: string, init: RequestInit) => Promise<WireAnswer>;

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
