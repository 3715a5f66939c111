import type { Verdict } from "../core/verdict.ts";
import { classifyError, type Classifier } from "../policy/classify/classify.ts";
import type { AttemptContext, Work } from "./call.ts";
import type { Runtime } from "./runtime.ts";

/** A function of the caller's: what it returns is a success, what it throws is judged by what the error says of itself. */
export type WorkFunction<Value> = (context: AttemptContext) => Promise<Value> | Value;

export class FunctionWork<Value> implements Work<Value, WorkFunction<Value>> {
  readonly #classifier: Classifier;
  readonly #runtime: Runtime;

  constructor(classifier: Classifier, runtime: Runtime) {
    this.#classifier = classifier;
    this.#runtime = runtime;
  }

  perform(context: AttemptContext, fn: WorkFunction<Value>): Promise<Value> | Value {
    return fn(context);
  }

  judgeError(error: unknown, attempt: number): Verdict {
    return classifyError(this.#classifier, error, { attempt }, this.#runtime.clock.now());
  }
}
