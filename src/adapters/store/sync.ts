/**
 * The verbs of a port, done at once. Backends whose medium answers at once (memory, SQLite) implement this form, one file a
 * port, and promises are put around it in one place; so the two backends read alike and can be compared verb by verb.
 */
export type Sync<Port> = {
  readonly [Verb in keyof Port]: Port[Verb] extends (...args: infer Arguments) => Promise<infer Result>
    ? (...args: Arguments) => Result
    : never;
};
