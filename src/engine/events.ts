import type { EventListener, EventMap, EventName } from "../ports/events.ts";

/** The one place that emits. A listener cannot break a call: what it throws becomes `listener:failed`. */
export class Events {
  readonly #listeners = new Map<EventName, Set<EventListener<never>>>();

  /** Listens until the returned function is called. */
  on<Name extends EventName>(name: Name, listener: EventListener<Name>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener as EventListener<never>);
    return () => {
      listeners.delete(listener as EventListener<never>);
      if (listeners.size === 0) this.#listeners.delete(name);
    };
  }

  /** Whether anybody listens: asked before an event is put together, so that an unheard one costs nothing. */
  wants(name: EventName): boolean {
    return this.#listeners.size > 0 && this.#listeners.has(name);
  }

  /** Whether anybody listens to anything. */
  get any(): boolean {
    return this.#listeners.size > 0;
  }

  emit<Name extends EventName>(name: Name, event: EventMap[Name]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    for (const listener of [...listeners]) {
      try {
        (listener as EventListener<Name>)(event);
      } catch (error) {
        if (name !== "listener:failed") this.emit("listener:failed", { event: name, error });
      }
    }
  }
}
