import type { Verdict } from "../core/verdict.ts";
import { classifyFault, type Classifier } from "../policy/classify/classify.ts";
import { readFault } from "../policy/classify/fault.ts";
import type { AttemptContext, Work } from "./call.ts";
import type { Runtime } from "./runtime.ts";

/** A function of the caller's: what it returns is a success, what it throws is judged by what the error says of itself. */
export type WorkFunction<Value> = (context: AttemptContext) => Promise<Value> | Value;

/** Only a date in a header is compared with the wall clock; without headers it is not worth a reading. */
const NO_DATES = 0;

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
    const fault = readFault(error);
    return classifyFault(this.#classifier, fault, { attempt }, fault.headers === undefined ? NO_DATES : this.#runtime.clock.now());
  }
}
