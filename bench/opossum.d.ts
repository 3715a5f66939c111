/** As much of opossum as is used here; it brings no types. */
declare module "opossum" {
  export default class CircuitBreaker<Args extends unknown[], Value> {
    constructor(
      action: (...args: Args) => Promise<Value>,
      options: { readonly timeout?: number; readonly resetTimeout?: number; readonly capacity?: number },
    );
    fire(...args: Args): Promise<Value>;
    shutdown(): void;
  }
}
