/**
 * Room for what is under way. Who rests for long leaves its place to others and takes one again later; those who come back go
 * before those who are new, so that what was begun is ended first.
 */
export class Places {
  #free: number;
  readonly #back: (() => void)[] = [];
  readonly #onFree: () => void;

  constructor(count: number, onFree: () => void) {
    this.#free = count;
    this.#onFree = onFree;
  }

  /** A place for somebody new; false where there is none, or others wait for one. */
  tryTake(): boolean {
    if (this.#free <= 0 || this.#back.length > 0) return false;
    this.#free -= 1;
    return true;
  }

  /** A place for somebody who comes back. */
  take(): Promise<void> {
    if (this.#free > 0 && this.#back.length === 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#back.push(resolve));
  }

  leave(): void {
    const next = this.#back.shift();
    if (next !== undefined) {
      next();
      return;
    }
    this.#free += 1;
    this.#onFree();
  }
}
