/** Items kept in order. `compare` must order any two different items. */
export class SortedList<Item> {
  readonly #items: Item[] = [];
  readonly #compare: (a: Item, b: Item) => number;

  constructor(compare: (a: Item, b: Item) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): Item | undefined {
    return this.#items[0];
  }

  add(item: Item): void {
    this.#items.splice(this.#indexOf(item), 0, item);
  }

  remove(item: Item): void {
    const index = this.#indexOf(item);
    if (this.#items[index] === item) this.#items.splice(index, 1);
  }

  /** Takes off the items at the front for which `wanted` holds, at most `limit`. */
  takeWhile(wanted: (item: Item) => boolean, limit: number): Item[] {
    let count = 0;
    while (count < limit && count < this.#items.length && wanted(this.#items[count] as Item)) count += 1;
    return this.#items.splice(0, count);
  }

  /** How many items stand at the front for which `wanted` holds. */
  countWhile(wanted: (item: Item) => boolean): number {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (wanted(this.#items[middle] as Item)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  at(index: number): Item | undefined {
    return this.#items[index];
  }

  #indexOf(item: Item): number {
    return this.countWhile((other) => this.#compare(other, item) < 0);
  }
}
