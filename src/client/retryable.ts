import { ConfigError } from "../core/errors.ts";
import { checkRetryOptions, retry, type RetryOptions } from "./retry.ts";

type AsyncMethod<This, Args extends unknown[], Value> = (this: This, ...args: Args) => Promise<Value>;

/** What stands above an async method (TC39 decorators, the form of TypeScript 5 and later). */
export type MethodDecorator = <This, Args extends unknown[], Value>(
  method: AsyncMethod<This, Args, Value>,
  context: ClassMethodDecoratorContext<This, AsyncMethod<This, Args, Value>>,
) => AsyncMethod<This, Args, Value>;

/**
 * A decorator that retries an async method by the options of `retry()`: `@retryable({ maxAttempts: 4 })`.
 *
 * It needs a compiler that knows decorators, since Node's own type stripping does not. Without one, wrap the call:
 * `retry(() => client.send(message))`.
 *
 * @throws ConfigError where it stands above anything but a method, and for options that make no sense: when the class is
 * defined, not at the first call.
 */
export function retryable(options: RetryOptions = {}): MethodDecorator {
  checkRetryOptions(options);
  return (method, context) => {
    if ((context.kind as string) !== "method") {
      throw new ConfigError({
        path: "@retryable",
        message: `@retryable stands above a ${context.kind}; put it above an async method`,
      });
    }
    return function (...args) {
      return retry(() => method.apply(this, args), options);
    };
  };
}
