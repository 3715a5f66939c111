import type { Lane } from "../engine/lane.ts";
import type { HeldOperation } from "./held-operation.ts";

/** What this process holds, counted by lane. */
export class UnderWay {
  readonly #held = new Set<HeldOperation>();
  readonly #perLane = new Map<Lane, number>();
  /** Those that have their last chance. */
  readonly #lastChances = new Set<HeldOperation>();
  readonly #whenEmpty: (() => void)[] = [];

  get size(): number {
    return this.#held.size;
  }

  of(lane: Lane): number {
    return this.#perLane.get(lane) ?? 0;
  }

  get hasLastChance(): boolean {
    return this.#lastChances.size > 0;
  }

  [Symbol.iterator](): Iterator<HeldOperation> {
    return this.#held[Symbol.iterator]();
  }

  add(held: HeldOperation, lastChance: boolean): void {
    this.#held.add(held);
    if (lastChance) this.#lastChances.add(held);
    this.#perLane.set(held.lane, this.of(held.lane) + 1);
  }

  delete(held: HeldOperation): void {
    this.#held.delete(held);
    this.#lastChances.delete(held);
    const left = this.of(held.lane) - 1;
    if (left > 0) this.#perLane.set(held.lane, left);
    else this.#perLane.delete(held.lane);
    if (this.#held.size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  /** Resolves when nothing is held. */
  empty(): Promise<void> {
    return this.#held.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenEmpty.push(resolve));
  }
}
