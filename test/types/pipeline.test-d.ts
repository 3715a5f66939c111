import { describe, expectTypeOf, test } from "vitest";
import { definePipeline, type Holdfast } from "../../src/index.ts";

declare const hf: Holdfast<"crm">;

const base = definePipeline("lead", { subject: ({ id }: { id: number }) => String(id) })
  .step("a", { effects: "read", run: ({ input }) => input.id })
  .step("b", { effects: "read", run: ({ results }) => [results.a] })
  .step("c", { effects: "read", after: ["a"], optional: true, run: ({ results }) => String(results.a) });

describe("a pipeline's steps", () => {
  test("see what the steps before them gave", () => {
    base.step("d", {
      effects: "read",
      after: ["b", "c"],
      run: ({ results, input }) => {
        expectTypeOf(results).toEqualTypeOf<{ readonly a: number; readonly b: number[]; readonly c: string | undefined }>();
        expectTypeOf(input).toEqualTypeOf<{ id: number }>();
        return 1;
      },
    });
  });

  test("follow the one before them, and see nothing else", () => {
    base.step("d", {
      effects: "read",
      run: ({ results }) => {
        expectTypeOf(results).toEqualTypeOf<{ readonly a: number; readonly c: string | undefined }>();
        // @ts-expect-error b is not before it
        return results.b;
      },
    });
    base.step("d", {
      effects: "read",
      after: [],
      // @ts-expect-error it waits for nothing
      run: ({ results }) => results.a,
    });
  });

  test("have results of their own type, whichever kind they are", async () => {
    const whole = base.step("ask", {
      api: "crm",
      request: ({ results }) => ({ endpoint: "POST /x", json: results.a }),
      result: async (response, { results }) => ({ status: response.status, a: results.a }),
    });
    const end = await hf.pipeline(whole).run({ id: 1 });
    if (end.state === "succeeded") {
      expectTypeOf(end.results.ask).toEqualTypeOf<{ status: number; a: number }>();
      expectTypeOf(end.results.c).toEqualTypeOf<string | undefined>();
    }
    if (end.state === "parked") expectTypeOf(end.results.b).toEqualTypeOf<number[] | undefined>();
    if (end.state === "busy") expectTypeOf(end.retryAfterMs).toBeNumber();
    const plain = base.step("plain", { api: "crm", request: () => ({ endpoint: "GET /x" }) });
    const other = await hf.pipeline(plain).run({ id: 1 });
    if (other.state === "succeeded") expectTypeOf(other.results.plain).toBeUnknown();
  });

  test("have names of their own, and wait only for steps that exist", () => {
    // @ts-expect-error there is one of that name
    base.step("a", { effects: "read", run: () => 1 });
    // @ts-expect-error there is no step z
    base.step("d", { effects: "read", after: ["z"], run: () => 1 });
    // @ts-expect-error a function says whether it may be repeated
    base.step("d", { run: () => 1 });
  });
});

describe("a pipeline's input", () => {
  test("is a text, or something that a subject is got from", () => {
    expectTypeOf(hf.pipeline(definePipeline("x").step("a", { effects: "read", run: ({ input }) => input })).run)
      .parameter(0)
      .toBeString();
    // @ts-expect-error whom is it about?
    definePipeline<{ id: number }>("x");
    // @ts-expect-error no such input
    void hf.pipeline(base).run("1");
  });
});
