import type { Lane } from "../engine/lane.ts";
import type { HeldOperation } from "./held-operation.ts";

/**
 * What this process holds. An operation takes a place of its lane while it is carried out, and is held until what came of it is
 * written down: the next may start while the last is still on its way to the disk.
 */
export class UnderWay {
  readonly #held = new Set<HeldOperation>();
  readonly #busy = new Set<HeldOperation>();
  readonly #heldOf = new Counts<Lane>();
  readonly #busyOf = new Counts<Lane>();
  /** Those that have their last chance. */
  readonly #lastChances = new Set<HeldOperation>();
  readonly #whenEmpty: (() => void)[] = [];

  /** Operations that are carried out. */
  get busy(): number {
    return this.#busy.size;
  }

  busyOf(lane: Lane): number {
    return this.#busyOf.of(lane);
  }

  /** Operations that are held, of one lane. */
  heldOf(lane: Lane): number {
    return this.#heldOf.of(lane);
  }

  get hasLastChance(): boolean {
    return this.#lastChances.size > 0;
  }

  [Symbol.iterator](): Iterator<HeldOperation> {
    return this.#held[Symbol.iterator]();
  }

  add(held: HeldOperation, lastChance: boolean): void {
    this.#held.add(held);
    this.#busy.add(held);
    this.#heldOf.add(held.lane, 1);
    this.#busyOf.add(held.lane, 1);
    if (lastChance) this.#lastChances.add(held);
  }

  /** It has been carried out; what came of it is not written down yet. */
  carriedOut(held: HeldOperation): void {
    if (this.#busy.delete(held)) this.#busyOf.add(held.lane, -1);
  }

  delete(held: HeldOperation): void {
    this.carriedOut(held);
    this.#held.delete(held);
    this.#heldOf.add(held.lane, -1);
    this.#lastChances.delete(held);
    if (this.#held.size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  /** Resolves when nothing is held. */
  empty(): Promise<void> {
    return this.#held.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenEmpty.push(resolve));
  }
}

class Counts<Key> {
  readonly #counts = new Map<Key, number>();

  of(key: Key): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: Key, by: number): void {
    const count = this.of(key) + by;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}
