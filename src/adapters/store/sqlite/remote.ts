import type { DeadLetterStore } from "../../../ports/dead-letter-store.ts";
import type { FinishRequest, IdempotencyStore } from "../../../ports/idempotency-store.ts";
import type { Channel } from "./channel.ts";

/** The idempotency verbs, done on the writer thread. */
export function remoteIdempotency(writer: Channel): IdempotencyStore {
  const on = caller<IdempotencyStore>(writer, "idempotency");
  return {
    begin: on("begin"),
    finish: (requests) => on("finish")(requests.map(compactFinish)),
    release: on("release"),
    extend: on("extend"),
    resolve: on("resolve"),
    sweep: on("sweep"),
  };
}

/** The dead letter verbs: writes on the writer thread, listings on the reader thread. */
export function remoteDeadLetters(writer: Channel, reader: Channel): DeadLetterStore {
  const write = caller<DeadLetterStore>(writer, "deadLetters");
  const read = caller<DeadLetterStore>(reader, "deadLetters");
  const add = write("add");
  return {
    add: (letters) =>
      add(
        letters.map((letter) =>
          letter.request?.body ? { ...letter, request: { ...letter.request, body: compact(letter.request.body) } } : letter,
        ),
      ),
    get: read("get"),
    list: read("list"),
    groups: read("groups"),
    change: write("change"),
    setGroupState: write("setGroupState"),
    sweep: write("sweep"),
  };
}

/** Makes verbs of a port that are calls over a channel. */
function caller<Port>(channel: Channel, port: string): <Verb extends keyof Port & string>(verb: Verb) => Port[Verb] {
  return (verb) => ((...args: unknown[]) => channel.call(port, verb, args)) as never;
}

function compactFinish(request: FinishRequest): FinishRequest {
  return request.state === "done" ? { ...request, answer: { ...request.answer, body: compact(request.answer.body) } } : request;
}

/**
 * Bytes that own their buffer. Posting a view posts the whole buffer under it, and a small Buffer is a view of a pool of 8 KiB
 * or more that holds other people's bytes.
 */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
