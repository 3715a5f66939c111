/** How much of a command's output is kept with its attempt: the end, where errors are. */
const KEPT_BYTES = 16 * 1024;

/** The end of what a command says, on both of its streams, in the order in which it came. */
export class OutputTail {
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #left = 0;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    while (this.#size - (this.#chunks[0]?.length ?? 0) >= KEPT_BYTES) {
      const gone = this.#chunks.shift()?.length ?? 0;
      this.#size -= gone;
      this.#left += gone;
    }
  }

  get text(): string {
    const all = Buffer.concat(this.#chunks);
    const kept = all.subarray(Math.max(0, all.length - KEPT_BYTES));
    const leftOut = this.#left + all.length - kept.length;
    return `${leftOut === 0 ? "" : `[${leftOut} bytes left out]\n`}${kept.toString("utf8")}`;
  }
}
