import type { Sync } from "./sync.ts";

/**
 * Puts promises around verbs that are done at once. `guard` runs before each and throws where the store is closed.
 */
export function asynchronous<Port extends object>(verbs: Sync<Port>, guard: () => void): Port {
  const port: Record<string, unknown> = {};
  for (const [name, verb] of Object.entries<(...args: unknown[]) => unknown>(verbs)) {
    port[name] = async (...args: unknown[]): Promise<unknown> => {
      guard();
      return verb(...args);
    };
  }
  return port as Port;
}
