/** The part of AsyncLocalStorage that is used; typed here because the library imports no `node:` module. */
interface AsyncStorage<Value> {
  getStore(): Value | undefined;
  enterWith(store: Value): void;
}

interface AsyncHooks {
  readonly AsyncLocalStorage: new <Value>() => AsyncStorage<Value>;
  readonly AsyncResource: new (
    type: string,
    options: { readonly requireManualDestroy: true },
  ) => {
    emitDestroy(): void;
    runInAsyncScope<Result, Args extends unknown[]>(fn: (...args: Args) => Result, self: undefined, ...args: Args): Result;
  };
}

/**
 * Async context where the platform has it. It is asked for through `process.getBuiltinModule`, and not imported, so that
 * `import "holdfast"` also loads where there are no `node:` modules; there (a browser) only what is called in the same tick
 * knows what it stands in.
 */
export class AsyncContext<Value> {
  readonly #hooks: AsyncHooks | undefined;
  readonly #storage: AsyncStorage<Value> | undefined;
  #sameTick: Value | undefined = undefined;

  constructor() {
    const host = (globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } }).process;
    this.#hooks = host?.getBuiltinModule?.("node:async_hooks") as AsyncHooks | undefined;
    this.#storage = this.#hooks === undefined ? undefined : new this.#hooks.AsyncLocalStorage<Value>();
  }

  /** What the caller stands in. */
  getStore(): Value | undefined {
    return this.#sameTick ?? this.#storage?.getStore();
  }

  /**
   * Runs `fn` inside `store`, and all that it starts.
   *
   * `AsyncLocalStorage.run` would copy the map of all storages twice, to enter and to leave, and what waits for the answer
   * keeps both. An AsyncResource puts back the map that was there.
   */
  run<Result, Args extends unknown[]>(store: Value, fn: (...args: Args) => Result, ...args: Args): Result {
    if (this.#hooks === undefined || this.#storage === undefined) return this.runSameTick(store, fn, ...args);
    const outer = this.#sameTick;
    this.#sameTick = undefined;
    const resource = new this.#hooks.AsyncResource("HOLDFAST", MANUAL);
    try {
      return resource.runInAsyncScope(enter<Value, Result, Args>, undefined, this.#storage, store, fn, args);
    } finally {
      resource.emitDestroy();
      this.#sameTick = outer;
    }
  }

  /** Runs `fn` so that only what it calls before its first `await` stands inside `store`: a fifth of the cost. */
  runSameTick<Result, Args extends unknown[]>(store: Value, fn: (...args: Args) => Result, ...args: Args): Result {
    const outer = this.#sameTick;
    this.#sameTick = store;
    try {
      return fn(...args);
    } finally {
      this.#sameTick = outer;
    }
  }
}

/** Whoever watches async resources is told of its end by us, at once, and need not wait for the collector to find it. */
const MANUAL = { requireManualDestroy: true } as const;

function enter<Value, Result, Args extends unknown[]>(
  storage: AsyncStorage<Value>,
  store: Value,
  fn: (...args: Args) => Result,
  args: Args,
): Result {
  storage.enterWith(store);
  return fn(...args);
}
