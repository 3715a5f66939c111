interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Turns many small requests into few large ones: what comes in one tick goes together, and what comes while enough batches are
 * under way waits for the next. Fifty callers that each wait for their own write thus share a round trip and a commit.
 *
 * A batch that fails fails all that was in it, though a single item may be the reason. The next batches are smaller then, down to one
 * item, so that those who ask again are soon told apart; every success doubles the size again.
 */
export class Batcher<Item, Result> {
  readonly #send: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly #most: number;
  readonly #atOnce: number;
  #size: number;
  readonly #waiting: Waiting<Item, Result>[] = [];
  #underWay = 0;
  #scheduled = false;

  /** @param most items in one batch; @param atOnce batches under way at the same time */
  constructor(send: (items: readonly Item[]) => Promise<readonly Result[]>, most: number, atOnce: number = 1) {
    this.#send = send;
    this.#most = most;
    this.#size = most;
    this.#atOnce = atOnce;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#scheduled || this.#underWay >= this.#atOnce) return;
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#flush();
      });
    });
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#underWay < this.#atOnce) {
      const batch = this.#waiting.length > this.#size ? this.#waiting.splice(0, this.#size) : this.#waiting.splice(0);
      this.#underWay += 1;
      void this.#sendBatch(batch);
    }
  }

  async #sendBatch(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#send(batch.map(({ item }) => item));
      if (results.length !== batch.length) throw new TypeError(`${batch.length} were asked for, and ${results.length} answered`);
      this.#size = Math.min(this.#most, this.#size * 2);
      for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
    } catch (error) {
      this.#size = Math.max(1, Math.floor(batch.length / 2));
      for (const { reject } of batch) reject(error);
    } finally {
      this.#underWay -= 1;
      this.#flush();
    }
  }
}
