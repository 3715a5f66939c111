import type { DeadLetterStore, NewDeadLetter, StoredRequest } from "../../../ports/dead-letter-store.ts";
import type { FinishRequest, IdempotencyStore, StoredAnswer } from "../../../ports/idempotency-store.ts";
import type { OperationStore, Settlement } from "../../../ports/operation-store.ts";
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
    add: (letters) => add(letters.map(compactLetter)),
    get: read("get"),
    list: read("list"),
    groups: read("groups"),
    change: write("change"),
    setGroupState: write("setGroupState"),
    sweep: write("sweep"),
  };
}

/** The queue's verbs: writes on the writer thread, what is looked at on the reader thread. */
export function remoteOperations(writer: Channel, reader: Channel): Omit<OperationStore, "onWork"> {
  const write = caller<OperationStore>(writer, "operations");
  const read = caller<OperationStore>(reader, "operations");
  const [accept, settle] = [write("accept"), write("settle")];
  return {
    accept: (operations) => accept(operations.map((operation) => ({ ...operation, request: compactRequest(operation.request) }))),
    claim: write("claim"),
    settle: (settlements) => settle(settlements.map(compactSettlement)),
    extend: write("extend"),
    reap: write("reap"),
    backlog: read("backlog"),
    wake: write("wake"),
    cancel: write("cancel"),
    pause: write("pause"),
    get: read("get"),
    list: read("list"),
    stats: read("stats"),
    sweep: write("sweep"),
  };
}

/** Makes verbs of a port that are calls over a channel. */
function caller<Port>(channel: Channel, port: string): <Verb extends keyof Port & string>(verb: Verb) => Port[Verb] {
  return (verb) => ((...args: unknown[]) => channel.call(port, verb, args)) as never;
}

function compactFinish(request: FinishRequest): FinishRequest {
  return request.state === "done" ? { ...request, answer: compactAnswer(request.answer) } : request;
}

function compactSettlement(settlement: Settlement): Settlement {
  const { outcome } = settlement;
  if (outcome.state === "dead") return { ...settlement, outcome: { state: "dead", letter: compactLetter(outcome.letter) } };
  if (outcome.state !== "succeeded" || !outcome.answer) return settlement;
  return { ...settlement, outcome: { ...outcome, answer: compactAnswer(outcome.answer) } };
}

function compactLetter(letter: NewDeadLetter): NewDeadLetter {
  return letter.request ? { ...letter, request: compactRequest(letter.request) } : letter;
}

function compactRequest(request: StoredRequest): StoredRequest {
  return request.body ? { ...request, body: compact(request.body) } : request;
}

function compactAnswer(answer: StoredAnswer): StoredAnswer {
  return { ...answer, body: compact(answer.body) };
}

/**
 * Bytes that own their buffer. Posting a view posts the whole buffer under it, and a small Buffer is a view of a pool of 8 KiB
 * or more that holds other people's bytes.
 */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
