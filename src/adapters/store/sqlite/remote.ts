import type { Coordinator } from "../../../ports/coordinator.ts";
import type { DeadLetterStore, NewDeadLetter, StoredRequest } from "../../../ports/dead-letter-store.ts";
import type { DocumentStore } from "../../../ports/document-store.ts";
import type { IdempotencyStore } from "../../../ports/idempotency-store.ts";
import type { InboxStore } from "../../../ports/inbox-store.ts";
import type { NewOperation, OperationStore } from "../../../ports/operation-store.ts";
import type { StepStore } from "../../../ports/step-store.ts";
import type { WatermarkStore } from "../../../ports/watermark-store.ts";
import type { Channel } from "./channel.ts";

/** The idempotency verbs, done on the writer thread. */
export function remoteIdempotency(writer: Channel): IdempotencyStore {
  const on = caller<IdempotencyStore>(writer, "idempotency");
  return {
    begin: (requests) => writer.batch("idempotency.begin", requests),
    finish: (requests) => writer.batch("idempotency.finish", requests),
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
    openLetters: read("openLetters"),
    spread: read("spread"),
    concerned: read("concerned"),
    change: write("change"),
    setGroupState: write("setGroupState"),
    sweep: write("sweep"),
  };
}

/** The queue's verbs: writes on the writer thread, what is looked at on the reader thread. */
export function remoteOperations(writer: Channel, reader: Channel): Omit<OperationStore, "onWork"> {
  const write = caller<OperationStore>(writer, "operations");
  const read = caller<OperationStore>(reader, "operations");
  return {
    inOrder: true,
    accept: (operations) => writer.batch("operations.accept", operations),
    claim: async (request) => (await writer.batch("operations.claim", [request]))[0] ?? [],
    settle: (settlements) => writer.batch("operations.settle", settlements),
    extend: write("extend"),
    reap: write("reap"),
    backlog: read("backlog"),
    wake: write("wake"),
    cancel: write("cancel"),
    pause: write("pause"),
    get: read("get"),
    list: read("list"),
    waiting: read("waiting"),
    stats: read("stats"),
    sweep: write("sweep"),
  };
}

/** Shared lanes: all of it on the writer thread. */
export function remoteCoordinator(writer: Channel): Coordinator {
  const on = caller<Coordinator>(writer, "coordinator");
  return { exchange: on("exchange"), sweep: on("sweep") };
}

export function remoteWatermarks(writer: Channel, reader: Channel): WatermarkStore {
  const write = caller<WatermarkStore>(writer, "watermarks");
  const read = caller<WatermarkStore>(reader, "watermarks");
  return {
    begin: write("begin"),
    advance: write("advance"),
    extend: write("extend"),
    end: write("end"),
    read: read("read"),
    list: read("list"),
  };
}

export function remoteSteps(writer: Channel, reader: Channel): StepStore {
  const write = caller<StepStore>(writer, "steps");
  const read = caller<StepStore>(reader, "steps");
  return {
    open: write("open"),
    finish: write("finish"),
    extend: write("extend"),
    release: write("release"),
    end: write("end"),
    get: read("get"),
    list: read("list"),
    pipelines: read("pipelines"),
    overview: read("overview"),
    sweep: write("sweep"),
  };
}

export function remoteInbox(writer: Channel): InboxStore {
  const on = caller<InboxStore>(writer, "inbox");
  const take = on("take");
  return {
    take: (events) => take(events.map((event) => ({ ...event, operations: event.operations.map(compactOperation) }))),
    sweep: on("sweep"),
  };
}

export function remoteDocuments(writer: Channel, reader: Channel): DocumentStore {
  const read = caller<DocumentStore>(reader, "documents");
  return { write: caller<DocumentStore>(writer, "documents")("write"), read: read("read"), list: read("list") };
}

/** Makes verbs of a port that are calls over a channel. */
function caller<Port>(channel: Channel, port: string): <Verb extends keyof Port & string>(verb: Verb) => Port[Verb] {
  return (verb) => ((...args: unknown[]) => channel.call(port, verb, args)) as never;
}

function compactLetter(letter: NewDeadLetter): NewDeadLetter {
  return letter.request ? { ...letter, request: compactRequest(letter.request) } : letter;
}

function compactOperation(operation: NewOperation): NewOperation {
  return { ...operation, request: compactRequest(operation.request) };
}

function compactRequest(request: StoredRequest): StoredRequest {
  return request.body ? { ...request, body: compact(request.body) } : request;
}

/**
 * Bytes that own their buffer. Posting a view posts the whole buffer under it, and a small Buffer is a view of a pool of 8 KiB
 * or more that holds other people's bytes.
 */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
