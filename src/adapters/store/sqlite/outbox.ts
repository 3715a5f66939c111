import { codecs, type CodecName } from "./codecs.ts";
import type { Fault } from "./fault.ts";
import { Unpacker, type Packed } from "./packing.ts";
import type { Answer, Call } from "./protocol.ts";

/** Somebody who waits for an answer. */
interface Caller {
  readonly resolve: (result: never) => void;
  readonly reject: (fault: Fault) => void;
}

/** A verb without a codec: one caller, one call. */
interface Single extends Caller {
  readonly port: string;
  readonly verb: string;
  readonly args: readonly unknown[];
}

/** A busy verb: callers that came one after the other, with their requests in one list. */
interface Batch {
  readonly codec: CodecName;
  readonly items: unknown[];
  readonly callers: (Caller & { readonly count: number })[];
}

/**
 * Calls on their way to a store thread. Those of one turn go as one message; of a busy verb, those that follow each other go
 * as one call. The order of calls is kept, so that what is called first is done first.
 */
export class Outbox {
  readonly #batchSize: number;
  #waiting: (Single | Batch)[] = [];
  readonly #underWay = new Map<number, Single | Batch>();
  #lastId = 0;

  constructor(batchSize: number) {
    this.#batchSize = batchSize;
  }

  /** Nobody waits for anything. */
  get idle(): boolean {
    return this.#waiting.length === 0 && this.#underWay.size === 0;
  }

  /** There is nothing to be sent. */
  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  add(single: Single): void {
    this.#waiting.push(single);
  }

  addItems(codec: CodecName, items: readonly unknown[], caller: Caller): void {
    const last = this.#waiting.at(-1);
    const joined = last && "codec" in last && last.codec === codec && last.items.length + items.length <= this.#batchSize;
    const batch: Batch = joined ? last : { codec, items: [], callers: [] };
    if (!joined) this.#waiting.push(batch);
    for (const item of items) batch.items.push(item);
    batch.callers.push({ ...caller, count: items.length });
  }

  /** Everything that has come together, as calls. */
  take(): Call[] {
    const entries = this.#waiting;
    this.#waiting = [];
    return entries.map((entry) => {
      const id = (this.#lastId += 1);
      this.#underWay.set(id, entry);
      if ("codec" in entry)
        return { id, weight: entry.items.length, task: { codec: entry.codec, packed: codecs[entry.codec].pack(entry.items as never) } };
      const { port, verb, args } = entry;
      return { id, weight: Array.isArray(args[0]) ? args[0].length : 1, task: { port, verb, args } };
    });
  }

  /** Gives an answer to whoever waits for it. */
  answer({ id, fault, result }: Answer): void {
    const entry = this.#underWay.get(id);
    this.#underWay.delete(id);
    if (!entry) return;
    if ("codec" in entry) this.#answerBatch(entry, fault, result as Packed);
    else if (fault) entry.reject(fault);
    else entry.resolve(result as never);
  }

  /** Refuses everybody who waits. */
  refuse(fault: Fault): void {
    const entries = [...this.#underWay.values(), ...this.#waiting];
    this.#underWay.clear();
    this.#waiting = [];
    for (const entry of entries) for (const caller of "codec" in entry ? entry.callers : [entry]) caller.reject(fault);
  }

  #answerBatch({ codec, items, callers }: Batch, fault: Fault | undefined, packed: Packed): void {
    if (!fault) {
      const results = codecs[codec].unpack(new Unpacker(packed), items as never);
      let start = 0;
      for (const { resolve, count } of callers) {
        resolve(results.slice(start, start + count) as never);
        start += count;
      }
    } else if (callers.length === 1 || fault.busy === true) {
      for (const { reject } of callers) reject(fault);
    } else {
      // The faulty request was undone with those of its neighbours; each goes again by itself, so that only it is refused.
      let start = 0;
      for (const { count, ...caller } of callers) {
        this.#waiting.push({ codec, items: items.slice(start, start + count), callers: [{ ...caller, count }] });
        start += count;
      }
    }
  }
}
