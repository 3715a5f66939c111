/** The part of AsyncLocalStorage that is used; typed here because the library imports no `node:` module. */
export interface AsyncContext<Value> {
  getStore(): Value | undefined;
  run<Result>(store: Value, fn: () => Result): Result;
}

interface AsyncHooks {
  readonly AsyncLocalStorage: new <Value>() => AsyncContext<Value>;
}

/** Without async context (a browser), only what is called in the same tick knows what it stands in. */
class SameTickContext<Value> implements AsyncContext<Value> {
  #current: Value | undefined = undefined;

  getStore(): Value | undefined {
    return this.#current;
  }

  run<Result>(store: Value, fn: () => Result): Result {
    const outer = this.#current;
    this.#current = store;
    try {
      return fn();
    } finally {
      this.#current = outer;
    }
  }
}

/**
 * Async context where the platform has it. Asked for through `process.getBuiltinModule`, and not imported, so that
 * `import "holdfast"` also loads where there are no `node:` modules.
 */
export function asyncContext<Value>(): AsyncContext<Value> {
  const host = (globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } }).process;
  const hooks = host?.getBuiltinModule?.("node:async_hooks") as AsyncHooks | undefined;
  return hooks === undefined ? new SameTickContext<Value>() : new hooks.AsyncLocalStorage<Value>();
}
