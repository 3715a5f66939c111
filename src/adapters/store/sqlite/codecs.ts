import type { NewDeadLetter, StoredRequest } from "../../../ports/dead-letter-store.ts";
import type { BeginRequest, BeginResult, Fenced, FinishRequest, StoredAnswer } from "../../../ports/idempotency-store.ts";
import type { AcceptResult, ClaimedOperation, ClaimRequest, NewOperation, Settlement } from "../../../ports/operation-store.ts";
import type { Backend } from "./backend.ts";
import { toFinishRow, type FinishRow } from "./idempotency.ts";
import { toOperation, toOperationRow, type OperationRow } from "./operations/entry.ts";
import { toSettlementRow, type SettlementRow } from "./operations/settle.ts";
import { Packer, type Packed, type Unpacker } from "./packing.ts";

/**
 * A busy verb on its way between the threads: `pack` and `unpack` on the main thread, `run` on the writer's. Requests of several
 * callers travel as one list, and results come back in its order.
 */
export interface Codec<Item, Result> {
  readonly pack: (items: readonly Item[]) => Packed;
  readonly run: (verbs: Backend, items: Unpacker) => Packed;
  readonly unpack: (results: Unpacker, items: readonly Item[]) => Result[];
}

const begin: Codec<BeginRequest, BeginResult> = {
  pack: (items) => {
    const packer = new Packer();
    for (const { key, fingerprint, token, now, leaseUntil } of items) packer.put(key, fingerprint, token, now, leaseUntil);
    return packer.done();
  },
  run: ({ idempotency }, items) => {
    const requests: BeginRequest[] = [];
    while (items.more) {
      requests.push({
        key: items.takeText(),
        fingerprint: items.takeText(),
        token: items.takeText(),
        now: items.takeNumber(),
        leaseUntil: items.takeNumber(),
      });
    }
    const packer = new Packer();
    for (const result of idempotency.begin(requests)) {
      packer.put(result.state);
      if (result.state === "claimed") packer.put(result.earlier);
      if (result.state === "running") packer.put(result.leaseUntil);
      if (result.state === "done") {
        const { body, ...head } = result.answer;
        packer.put(head).putBytes(body);
      }
    }
    return packer.done();
  },
  unpack: (results, items) =>
    items.map(() => {
      const state = results.take() as BeginResult["state"];
      switch (state) {
        case "claimed":
          return { state, earlier: results.take() as "none" | "unknown" };
        case "running":
          return { state, leaseUntil: results.takeNumber() };
        case "done":
          return { state, answer: { ...(results.take() as AnswerHead), body: results.takeBytes() as Uint8Array } };
        case "mismatch":
          return { state };
      }
    }),
};

type AnswerHead = Omit<StoredAnswer, "body">;

const finish: Codec<FinishRequest, Fenced> = {
  pack: (items) => {
    const packer = new Packer();
    for (const { key, token, done } of items.map(toFinishRow)) {
      packer.put(key, token, done?.answer);
      if (done) packer.put(done.expiresAt).putBytes(done.body);
    }
    return packer.done();
  },
  run: ({ idempotency }, items) => {
    const rows: FinishRow[] = [];
    while (items.more) {
      const [key, token, answer] = [items.takeText(), items.takeText(), items.take() as string | undefined];
      if (answer === undefined) rows.push({ key, token });
      else rows.push({ key, token, done: { answer, expiresAt: items.takeNumber(), body: items.takeView() as Uint8Array } });
    }
    return new Packer().put(...idempotency.finishRows(rows)).done();
  },
  unpack: (results, items) => items.map(() => results.take() as Fenced),
};

const accept: Codec<NewOperation, AcceptResult> = {
  pack: (items) => {
    const packer = new Packer();
    for (const row of items.map(toOperationRow)) {
      packer.put(row.id, row.api, row.endpoint, row.partition, row.flow, row.rank, row.idempotencyKey, row.fingerprint);
      packer.put(row.acceptedAt, row.dueAt, row.labels, row.head).putBytes(row.body);
    }
    return packer.done();
  },
  run: ({ operations }, items) => {
    const rows: OperationRow[] = [];
    while (items.more) {
      rows.push({
        id: items.takeText(),
        api: items.takeText(),
        endpoint: items.takeText(),
        partition: items.takeText(),
        flow: items.takeText(),
        rank: items.takeNumber(),
        idempotencyKey: items.take() as string | null,
        fingerprint: items.takeText(),
        acceptedAt: items.takeNumber(),
        dueAt: items.takeNumber(),
        labels: items.take() as readonly string[],
        head: items.takeText(),
        body: items.takeView() ?? null,
      });
    }
    const packer = new Packer();
    for (const { state, id } of operations.acceptRows(rows)) packer.put(state, state === "accepted" ? undefined : id);
    return packer.done();
  },
  unpack: (results, items) =>
    items.map(({ id }) => ({ state: results.take() as AcceptResult["state"], id: (results.take() as string | undefined) ?? id })),
};

const claim: Codec<ClaimRequest, readonly ClaimedOperation[]> = {
  pack: (items) => new Packer().put(...items).done(),
  run: ({ operations }, items) => {
    const packer = new Packer();
    while (items.more) {
      const rows = operations.claimRows(items.take() as ClaimRequest);
      packer.put(rows.length);
      for (const { head, body, claims, attempts, delay, vanished, doubt } of rows) {
        packer.put(head, claims, attempts, delay, vanished, doubt).putBytes(body);
      }
    }
    return packer.done();
  },
  unpack: (results, items) =>
    items.map(() =>
      Array.from({ length: results.takeNumber() }, (): ClaimedOperation => {
        const head = results.takeText();
        const [number, attempts, previousDelayMs] = [results.takeNumber(), results.takeNumber(), results.takeNumber()];
        const [vanished, doubt] = [results.takeNumber(), results.takeNumber()];
        const operation = toOperation(head, results.takeBytes());
        return { operation, claim: number, attempts, previousDelayMs, vanished, inDoubt: doubt === 1 };
      }),
    ),
};

const settle: Codec<Settlement, Fenced> = {
  pack: (items) => {
    const packer = new Packer();
    for (const { id, claim: number, now, attempt, outcome } of items.map(toSettlementRow)) {
      packer.put(id, number, now, attempt?.number, attempt?.record);
      if (outcome.state === "succeeded") {
        packer.put(outcome.state, outcome.keepUntil, outcome.answer?.head).putBytes(outcome.answer?.body);
      } else if (outcome.state === "dead") {
        const { request, ...letter } = outcome.letter;
        const { body, ...head } = request ?? {};
        packer.put(outcome.state, letter, request && head).putBytes(body);
      } else {
        packer.put(outcome.state, outcome);
      }
    }
    return packer.done();
  },
  run: ({ operations }, items) => {
    const rows: SettlementRow[] = [];
    while (items.more) {
      const [id, number, now] = [items.takeText(), items.takeNumber(), items.takeNumber()];
      const [tried, record] = [items.take() as number | undefined, items.takeText()];
      const attempt = tried === undefined ? undefined : { number: tried, record };
      rows.push({ id, claim: number, now, ...(attempt && { attempt }), outcome: takeOutcome(items) });
    }
    return new Packer().put(...operations.settleRows(rows)).done();
  },
  unpack: (results, items) => items.map(() => results.take() as Fenced),
};

function takeOutcome(items: Unpacker): SettlementRow["outcome"] {
  const state = items.take() as SettlementRow["outcome"]["state"];
  switch (state) {
    case "succeeded": {
      const [keepUntil, head, body] = [items.takeNumber(), items.take() as string | undefined, items.takeView()];
      return { state, keepUntil, ...(head !== undefined && { answer: { head, body: body as Uint8Array } }) };
    }
    case "dead": {
      const letter = items.take() as NewDeadLetter;
      const [head, body] = [items.take() as StoredRequest | undefined, items.takeView()];
      return { state, letter: { ...letter, ...(head && { request: { ...head, ...(body && { body }) } }) } };
    }
    case "parked":
    case "cancelled":
    case "ready":
      return items.take() as SettlementRow["outcome"];
  }
}

/** The verbs that have one, by port and verb. */
export interface Codecs {
  readonly "idempotency.begin": Codec<BeginRequest, BeginResult>;
  readonly "idempotency.finish": Codec<FinishRequest, Fenced>;
  readonly "operations.accept": Codec<NewOperation, AcceptResult>;
  readonly "operations.claim": Codec<ClaimRequest, readonly ClaimedOperation[]>;
  readonly "operations.settle": Codec<Settlement, Fenced>;
}

export const codecs: Codecs = {
  "idempotency.begin": begin,
  "idempotency.finish": finish,
  "operations.accept": accept,
  "operations.claim": claim,
  "operations.settle": settle,
};

export type CodecName = keyof Codecs;
export type ItemOf<Name extends CodecName> = Codecs[Name] extends Codec<infer Item, infer _Result> ? Item : never;
export type ResultOf<Name extends CodecName> = Codecs[Name] extends Codec<infer _Item, infer Result> ? Result : never;
