import { Readable, type Duplex } from "node:stream";
import {
  brotliDecompressSync,
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  gunzipSync,
  inflateSync,
  zstdDecompressSync,
} from "node:zlib";
import type { BodyPieces } from "../../../ports/transport.ts";

interface Coding {
  /** Takes bytes out, as far as they go: what was cut off gives what there is of it. */
  readonly whole: (bytes: Uint8Array, maxOutputLength: number) => Uint8Array;
  readonly stream: () => Duplex;
}

const gzip: Coding = {
  whole: (bytes, maxOutputLength) => gunzipSync(bytes, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH }),
  stream: () => createGunzip(),
};
const CODINGS: Readonly<Record<string, Coding>> = {
  gzip,
  "x-gzip": gzip,
  deflate: {
    whole: (bytes, maxOutputLength) => inflateSync(bytes, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH }),
    stream: () => createInflate(),
  },
  br: {
    whole: (bytes, maxOutputLength) => brotliDecompressSync(bytes, { maxOutputLength, finishFlush: constants.BROTLI_OPERATION_FLUSH }),
    stream: () => createBrotliDecompress(),
  },
  zstd: {
    whole: (bytes, maxOutputLength) => zstdDecompressSync(bytes, { maxOutputLength, finishFlush: constants.ZSTD_e_flush }),
    stream: () => createZstdDecompress(),
  },
};

/** More than this is not taken out of a whole body: a few kilobytes can unpack to gigabytes. */
const MOST_BYTES = 1024 * 1024;

/** How a body of this `Content-Encoding` is read whole; undefined for one that is plain already. */
export function decoderOf(encoding: string | null): ((bytes: Uint8Array) => Uint8Array | undefined) | undefined {
  if (encoding === null || isPlain(encoding)) return undefined;
  const coding = codingOf(encoding);
  return (bytes) => {
    if (bytes.length === 0) return bytes;
    try {
      return coding?.whole(bytes, MOST_BYTES);
    } catch {
      // It is no such encoding after all, or would be too long.
      return undefined;
    }
  };
}

/** The pieces of a body of this `Content-Encoding` as a reader wants them; undefined where they cannot be had. */
export function decodedPieces(pieces: BodyPieces, encoding: string): BodyPieces | undefined {
  const coding = codingOf(encoding);
  if (coding === undefined) return undefined;
  const decoder = coding.stream();
  const source = Readable.from(chunksOf(pieces));
  source.on("error", (error) => decoder.destroy(error));
  const decoded = source.pipe(decoder)[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
  return {
    async read() {
      const { done, value } = await decoded.next();
      return done === true ? { done: true } : { done: false, value };
    },
    async cancel(reason) {
      decoder.destroy();
      source.destroy();
      await pieces.cancel(reason);
    },
  };
}

async function* chunksOf(pieces: BodyPieces): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { done, value } = await pieces.read();
    if (done || value === undefined) return;
    yield value;
  }
}

export function isPlain(encoding: string): boolean {
  return encoding === "" || encoding.trim().toLowerCase() === "identity";
}

function codingOf(encoding: string): Coding | undefined {
  const name = encoding.trim().toLowerCase();
  return Object.hasOwn(CODINGS, name) ? CODINGS[name] : undefined;
}
