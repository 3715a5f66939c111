/**
 * What goes between the threads for the busy verbs: values in a row and all bytes in one block. Cloning one flat list costs a
 * fraction of cloning as many objects, and one block is handed over without being copied again.
 */
export interface Packed {
  readonly values: readonly unknown[];
  readonly bytes: Uint8Array;
}

export function isPacked(value: unknown): value is Packed {
  return typeof value === "object" && value !== null && "values" in value && "bytes" in value;
}

const NO_BYTES = new Uint8Array(0);

/** The block of a packed list, to be handed over instead of copied, where there is one. */
export function transferable({ bytes }: Packed): ArrayBuffer[] {
  return bytes.byteLength === 0 ? [] : [bytes.buffer as ArrayBuffer];
}

export class Packer {
  readonly #values: unknown[] = [];
  readonly #blocks: Uint8Array[] = [];
  #length = 0;

  /** Puts values that can be cloned; strings and numbers are the cheap ones. */
  put(...values: readonly unknown[]): this {
    this.#values.push(...values);
    return this;
  }

  putBytes(bytes: Uint8Array | undefined | null): this {
    if (bytes == null) return this.put(-1);
    this.#blocks.push(bytes);
    this.#length += bytes.byteLength;
    return this.put(bytes.byteLength);
  }

  done(): Packed {
    if (this.#length === 0) return { values: this.#values, bytes: NO_BYTES };
    const bytes = new Uint8Array(this.#length);
    let offset = 0;
    for (const block of this.#blocks) {
      bytes.set(block, offset);
      offset += block.byteLength;
    }
    return { values: this.#values, bytes };
  }
}

/** Takes out what a packer put in, in the same order. */
export class Unpacker {
  readonly #packed: Packed;
  #next = 0;
  #offset = 0;

  constructor(packed: Packed) {
    this.#packed = packed;
  }

  get more(): boolean {
    return this.#next < this.#packed.values.length;
  }

  take(): unknown {
    const value = this.#packed.values[this.#next];
    this.#next += 1;
    return value;
  }

  takeText(): string {
    return this.take() as string;
  }

  takeNumber(): number {
    return this.take() as number;
  }

  /** A view of the block: to be used before the block is let go. */
  takeView(): Uint8Array | undefined {
    const length = this.takeNumber();
    if (length < 0) return undefined;
    this.#offset += length;
    return this.#packed.bytes.subarray(this.#offset - length, this.#offset);
  }

  /** A copy, to be kept. */
  takeBytes(): Uint8Array | undefined {
    return this.takeView()?.slice();
  }
}
