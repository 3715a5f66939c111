import { describe, expect, it } from "vitest";
import { createHoldfast, definePipeline, type PipelineDefinition } from "../../src/index.ts";

const step = { effects: "read", run: () => 1 } as const;

/** A definition as somebody without types may write it. */
interface Untyped {
  step(name: string, options: object): Untyped;
}

function untyped(name = "lead", options: object = {}): Untyped {
  return (definePipeline as unknown as (name: string, options: object) => Untyped)(name, options);
}

/** The path of the ConfigError that it ends with. */
async function faultOf(define: () => unknown): Promise<unknown> {
  const hf = await createHoldfast({ apis: { crm: { baseUrl: "https://crm.test" } } });
  try {
    hf.pipeline(define() as PipelineDefinition<string>);
    return "none";
  } catch (error) {
    return (error as { path?: unknown }).path;
  } finally {
    await hf.close();
  }
}

describe("a definition that cannot work", () => {
  it.each<[string, () => unknown, string]>([
    ["two steps of one name", () => untyped().step("a", step).step("a", step), "pipelines.lead.steps.a"],
    ["a step that waits for itself", () => untyped().step("a", { ...step, after: ["a"] }), "pipelines.lead.steps.a.after"],
    [
      "a cycle over the default order",
      () =>
        untyped()
          .step("a", { ...step, after: ["c"] })
          .step("b", step)
          .step("c", step),
      "pipelines.lead.steps.a.after",
    ],
    ["a dependency that does not exist", () => untyped().step("a", { ...step, after: ["x"] }), "pipelines.lead.steps.a.after[0]"],
    ["no steps", () => untyped(), "pipelines.lead.steps"],
    ["an API that is not defined", () => untyped().step("a", { api: "crn", request: () => ({}) }), "pipelines.lead.steps.a.api"],
    ["a step that does nothing", () => untyped().step("a", { api: "crm" }), "pipelines.lead.steps.a"],
    ["a function that does not say what it does", () => untyped().step("a", { run: () => 1 }), "pipelines.lead.steps.a.effects"],
    ["an option that nobody knows", () => untyped().step("a", { ...step, retries: 3 }), "pipelines.lead.steps.a.retries"],
    [
      "a step's retry that makes no sense",
      () => untyped().step("a", { ...step, retry: { maxAttempts: 0 } }),
      "pipelines.lead.steps.a.retry.maxAttempts",
    ],
    [
      "a step's timeout that is none",
      () => untyped().step("a", { ...step, timeout: { attempt: "soon" } }),
      "pipelines.lead.steps.a.timeout.attempt",
    ],
    [
      "a total that a step does not have",
      () => untyped().step("a", { ...step, timeout: { total: "1m" } }),
      "pipelines.lead.steps.a.timeout.total",
    ],
    ["a question about a read", () => untyped().step("a", { ...step, reconcile: () => 1 }), "pipelines.lead.steps.a.reconcile"],
    ["a name with a slash", () => untyped("a/b"), "pipeline.name"],
    ["a wrong keep", () => untyped("lead", { keep: "long" }), "pipelines.lead.keep"],
    ["an earlier version of another pipeline", () => untyped("lead", { earlier: [untyped("other")] }), "pipelines.lead.earlier[0]"],
    ["an earlier version under the same name", () => untyped("lead", { earlier: [untyped("lead")] }), "pipelines.lead.earlier[0]"],
    ["no definition at all", () => ({ name: "lead" }), "pipeline"],
  ])("%s is an error that names its place", async (_what, define, path) => {
    expect(await faultOf(define)).toBe(path);
  });

  it("is told from one that can, and from steps in any order that has an end", async () => {
    expect(
      await faultOf(() =>
        untyped()
          .step("b", { ...step, after: ["a"] })
          .step("a", { ...step, after: [] }),
      ),
    ).toBe("none");
  });

  it("says the way round of a cycle", () => {
    const cycle = untyped()
      .step("a", { ...step, after: ["b"] })
      .step("b", step) as unknown as PipelineDefinition<string>;
    return expect(createHoldfast({ apis: {}, pipelines: [cycle] })).rejects.toThrow("a waits for b waits for a");
  });
});

describe("what a run is given", () => {
  it.each<[string, object, unknown, string]>([
    ["a subject that is no text", { subject: () => 7 }, {}, "pipelines.lead.subject"],
    ["labels with a number in them", { labels: () => ({ lead: 7 }) }, "x", "pipelines.lead.labels.lead"],
    ["labels that every step has", { labels: () => ({ step: "x" }) }, "x", "pipelines.lead.labels.step"],
    ["an input without a JSON form", { subject: () => "x" }, 1n, "pipelines.lead.input"],
  ])("%s is refused by its path", async (_what, options, input, path) => {
    const hf = await createHoldfast({ apis: {} });
    const pipeline = hf.pipeline(untyped("lead", options).step("a", step) as unknown as PipelineDefinition<unknown>);
    await expect(pipeline.run(input)).rejects.toMatchObject({ code: "config", path });
    await hf.close();
  });
});
