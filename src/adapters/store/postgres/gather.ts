/** A call of a verb with a batch, and the keys of what it touches. */
interface Call {
  readonly verb: string;
  readonly items: readonly unknown[];
  readonly keys: readonly string[];
  readonly resolve: (results: readonly unknown[]) => void;
  readonly reject: (error: unknown) => void;
}

type Perform = (items: readonly never[]) => Promise<readonly unknown[]>;

export interface GatherOptions {
  /** Items in one group at most; a call that alone has more goes alone. */
  readonly most: number;
  /** Groups under way at a time. */
  readonly atOnce: number;
  /** Whether a group that failed with this error is worth doing again call by call, so that one faulty call takes nobody with it. */
  readonly separable: (error: unknown) => boolean;
}

/** Turns of the microtask queue within which calls come together: callers that were answered together ask again together. */
const GATHERING_TURNS = 8;

/**
 * Makes large batches of small calls, so that fifty callers share a round trip and a commit, and keeps calls that touch the same
 * key in the order in which they were made, although groups run side by side on several connections.
 */
export class Gather {
  readonly #verbs: Readonly<Record<string, Perform>>;
  readonly #options: GatherOptions;
  #waiting: Call[] = [];
  /** Keys of groups under way. */
  readonly #busy = new Set<string>();
  #underWay = 0;
  #scheduled = false;

  constructor(verbs: Readonly<Record<string, Perform>>, options: GatherOptions) {
    this.#verbs = verbs;
    this.#options = options;
  }

  call<Item, Result>(verb: string, items: readonly Item[], keyOf: (item: Item) => string): Promise<readonly Result[]> {
    if (items.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ verb, items, keys: items.map(keyOf), resolve: resolve as Call["resolve"], reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      afterMicrotasks(() => {
        this.#scheduled = false;
        this.#start();
      });
    });
  }

  #start(): void {
    while (this.#underWay < this.#options.atOnce) {
      const group = this.#nextGroup();
      if (group.length === 0) return;
      this.#underWay += 1;
      const keys = group.flatMap((call) => call.keys);
      for (const key of keys) this.#busy.add(key);
      void this.#run(group).finally(() => {
        for (const key of keys) this.#busy.delete(key);
        this.#underWay -= 1;
        this.#start();
      });
    }
  }

  /** The first call that nobody stands in the way of, and all later ones of its verb of which the same can be said. */
  #nextGroup(): Call[] {
    const blocked = new Set<string>();
    const group: Call[] = [];
    const left: Call[] = [];
    let size = 0;
    for (const call of this.#waiting) {
      const fits = group.length === 0 || (call.verb === group[0]?.verb && size + call.items.length <= this.#options.most);
      if (fits && !call.keys.some((key) => blocked.has(key) || this.#busy.has(key))) {
        group.push(call);
        size += call.items.length;
      } else {
        left.push(call);
        for (const key of call.keys) blocked.add(key);
      }
    }
    this.#waiting = left;
    return group;
  }

  async #run(group: readonly Call[]): Promise<void> {
    const [first] = group as readonly [Call, ...Call[]];
    const perform = this.#verbs[first.verb] as Perform;
    try {
      const results = await perform(group.flatMap((call) => call.items as never[]));
      let from = 0;
      for (const { items, resolve } of group) resolve(results.slice(from, (from += items.length)));
    } catch (error) {
      if (group.length === 1 || !this.#options.separable(error)) for (const { reject } of group) reject(error);
      else for (const call of group) await this.#run([call]);
    }
  }
}

function afterMicrotasks(task: () => void, turns: number = GATHERING_TURNS): void {
  queueMicrotask(turns === 0 ? task : () => afterMicrotasks(task, turns - 1));
}
