/** Sets of options that are remembered: a program has about as many as it has places that call. */
const KEPT = 32;

/**
 * Resolves options once for all objects that say the same, so that a literal in a hot loop is checked once: checking it costs
 * ten times what the call does. (A WeakMap by identity would not know the next literal, and filling it costs more than the call.)
 */
export class OptionsMemo<Options extends object, Resolved> {
  readonly #resolve: (options: Options) => Resolved;
  /** What differs from call to call, and is not looked at by `resolve`. */
  readonly #ofTheCall: readonly string[];
  /** Options whose value is data, compared by what is in it; all others are compared by identity. */
  readonly #data: readonly string[];
  readonly #snapshots: Snapshot[] = [];
  readonly #resolved: Resolved[] = [];
  #next = 0;
  /** Mostly it is one object again and again. */
  #latest: Options | undefined = undefined;
  #latestResolved: Resolved | undefined = undefined;

  constructor(
    resolve: (options: Options) => Resolved,
    fields: { readonly ofTheCall: readonly (keyof Options & string)[]; readonly data: readonly (keyof Options & string)[] },
  ) {
    this.#resolve = resolve;
    this.#ofTheCall = fields.ofTheCall;
    this.#data = fields.data;
  }

  of(options: Options): Resolved {
    if (options === this.#latest) return this.#latestResolved as Resolved;
    if (!isData(options)) return this.#resolve(options);
    const resolved = this.#find(options) ?? this.#remember(options);
    this.#latest = options;
    this.#latestResolved = resolved;
    return resolved;
  }

  #find(options: Options): Resolved | undefined {
    const snapshots = this.#snapshots;
    for (let index = 0; index < snapshots.length; index += 1) {
      if ((snapshots[index] as Snapshot).isOf(options, this.#ofTheCall)) return this.#resolved[index];
    }
    return undefined;
  }

  #remember(options: Options): Resolved {
    const resolved = this.#resolve(options);
    const snapshot = new Snapshot();
    for (const [name, value] of Object.entries(options)) {
      if (!this.#ofTheCall.includes(name)) snapshot.add(name, this.#data.includes(name) ? frozen(value) : value);
    }
    this.#snapshots[this.#next] = snapshot;
    this.#resolved[this.#next] = resolved;
    this.#next = (this.#next + 1) % KEPT;
    return resolved;
  }
}

const NONE: readonly string[] = Object.freeze([]);

/** What an object said when it was resolved, in the order in which it said it. Its owner may change it afterwards. */
class Snapshot {
  readonly #names: string[] = [];
  readonly #values: unknown[] = [];

  add(name: string, value: unknown): void {
    this.#names.push(name);
    this.#values.push(value);
  }

  isOf(options: object, passedOver: readonly string[]): boolean {
    const names = this.#names;
    let at = 0;
    for (const name in options) {
      if (name === names[at]) {
        if (!isSame((options as Readonly<Record<string, unknown>>)[name], this.#values[at])) return false;
        at += 1;
      } else if (!passedOver.includes(name)) {
        return false;
      }
    }
    return at === names.length;
  }
}

function isSame(value: unknown, kept: unknown): boolean {
  return value === kept || (kept instanceof Snapshot && isData(value) && kept.isOf(value, NONE));
}

function frozen(value: unknown): unknown {
  if (!isData(value)) return value;
  const snapshot = new Snapshot();
  for (const [name, one] of Object.entries(value)) snapshot.add(name, frozen(one));
  return snapshot;
}

/** Plain objects and lists. Anything with a class is more than its fields. */
function isData(value: unknown): value is object {
  return typeof value === "object" && value !== null && (value.constructor === Object || value.constructor === Array);
}
