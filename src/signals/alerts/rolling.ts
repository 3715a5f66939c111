/**
 * Counts of the last while, in slots of equal length: what is older than all slots is forgotten, at no cost of a timer. Instants are
 * ms of any clock that does not go back.
 */
export class RollingCounts<Name extends string> {
  readonly #slotMs: number;
  readonly #slots: { index: number; readonly counts: Partial<Record<Name, number>> }[];

  constructor(slotMs: number, slots: number) {
    this.#slotMs = slotMs;
    this.#slots = Array.from({ length: slots }, () => ({ index: Number.NEGATIVE_INFINITY, counts: {} }));
  }

  add(name: Name, now: number): void {
    const index = Math.floor(now / this.#slotMs);
    const place = index % this.#slots.length;
    let slot = this.#slots[place];
    if (slot === undefined || slot.index !== index) this.#slots[place] = slot = { index, counts: {} };
    slot.counts[name] = (slot.counts[name] ?? 0) + 1;
  }

  /** How many there were in the last `slots` slots, the one under way included. @default all that are kept */
  sum(name: Name, now: number, slots: number = this.#slots.length): number {
    const last = Math.floor(now / this.#slotMs);
    let sum = 0;
    for (const { index, counts } of this.#slots) if (index > last - slots && index <= last) sum += counts[name] ?? 0;
    return sum;
  }
}
