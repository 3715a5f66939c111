import { AsyncLocalStorage, createHook } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { AsyncContext } from "./context.ts";

describe("an async context", () => {
  it("is seen by all that runs inside it, behind every await, and by nothing outside", async () => {
    const context = new AsyncContext<string>();
    const inside = context.run("inside", async () => {
      const before = context.getStore();
      await Promise.resolve();
      return [before, context.getStore()];
    });
    expect(context.getStore()).toBeUndefined();
    expect(await inside).toEqual(["inside", "inside"]);
    expect(context.getStore()).toBeUndefined();
  });

  it("gives way to the one inside it, and comes back", async () => {
    const context = new AsyncContext<string>();
    const seen = await context.run("outer", async () => {
      const inner = await context.run("inner", async () => context.getStore());
      return [inner, context.getStore()];
    });
    expect(seen).toEqual(["inner", "outer"]);
  });

  it("keeps two apart that run at the same time", async () => {
    const context = new AsyncContext<number>();
    const seen = await Promise.all(
      [1, 2, 3].map((store) =>
        context.run(store, async () => {
          await Promise.resolve();
          return context.getStore();
        }),
      ),
    );
    expect(seen).toEqual([1, 2, 3]);
  });

  it("leaves the storages of others as they are, inside and afterwards", async () => {
    const others = new AsyncLocalStorage<string>();
    const context = new AsyncContext<string>();
    await others.run("theirs", async () => {
      expect(await context.run("ours", async () => others.getStore())).toBe("theirs");
      expect(others.getStore()).toBe("theirs");
      context.run("ours", () => others.enterWith("changed inside"));
      expect(others.getStore()).toBe("theirs");
    });
    expect(others.getStore()).toBeUndefined();
  });

  it("leaves nothing behind for those who watch async resources", () => {
    const alive = new Set<number>();
    const hook = createHook({
      init: (id, type) => {
        if (type === "HOLDFAST") alive.add(id);
      },
      destroy: (id) => alive.delete(id),
    }).enable();
    const context = new AsyncContext<string>();
    context.run("inside", () => expect(alive.size).toBe(1));
    return new Promise<void>((resolve) => {
      setImmediate(() => {
        hook.disable();
        expect(alive.size).toBe(0);
        resolve();
      });
    });
  });

  it("is left when its function throws", () => {
    const context = new AsyncContext<string>();
    expect(() =>
      context.run("inside", () => {
        throw new Error("down");
      }),
    ).toThrow("down");
    expect(context.getStore()).toBeUndefined();
  });

  it("of the same tick is seen until the first await, over the one around it", async () => {
    const context = new AsyncContext<string>();
    const seen = context.run("around", () =>
      context.runSameTick("tick", async () => {
        const before = context.getStore();
        await Promise.resolve();
        return [before, context.getStore()];
      }),
    );
    expect(await seen).toEqual(["tick", "around"]);
  });
});
