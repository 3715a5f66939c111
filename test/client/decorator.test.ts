import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { repositoryRoot, run, runTool, temporaryFolder } from "../../scripts/tools.ts";

/** A program as a user writes it. Node does not know decorators, so the compiler takes them out. */
const PROGRAM = `
import assert from "node:assert/strict";
import { explain, isHoldfastError, retryable } from "holdfast";

class Mailer {
  readonly sent: string[] = [];
  #failures = 2;

  @retryable({ maxAttempts: 3, backoff: { base: 1, cap: 1 } })
  async send(to: string, text: string): Promise<string> {
    if (this.#failures-- > 0) throw new Error("not yet");
    this.sent.push(to + ": " + text);
    return "sent";
  }

  @retryable()
  static async ping(): Promise<number> {
    return 1;
  }

  @retryable({ maxAttempts: 2, backoff: { base: 1, cap: 1 } })
  async never(): Promise<string> {
    throw new Error("never");
  }
}

const mailer = new Mailer();
const answer: string = await mailer.send("ada@example.com", "hello");
assert.equal(answer, "sent");
assert.deepEqual(mailer.sent, ["ada@example.com: hello"]);
assert.equal(await Mailer.ping(), 1);
await assert.rejects(mailer.never(), (error) => explain(error)?.attempts === 2);

let refused: unknown;
try {
  class Wrong {
    @retryable({ maxAttempts: 0 })
    async method(): Promise<void> {}
  }
  void Wrong;
} catch (error) {
  refused = error;
}
assert.ok(isHoldfastError(refused, "config"));
console.log("done");
`;

/** What the compiler must refuse. */
const WRONG = `
import { retryable } from "holdfast";

export class Wrong {
  // @ts-expect-error it stands above a method that is not async
  @retryable()
  sync(): number {
    return 1;
  }

  // @ts-expect-error it stands above a field
  @retryable()
  field: number = 1;
}
`;

let folder: string;
let compiled: { readonly code: number | null; readonly output: string };

beforeAll(async () => {
  folder = temporaryFolder("decorator");
  mkdirSync(join(folder, "src"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(folder, "src", "program.ts"), PROGRAM);
  writeFileSync(join(folder, "src", "wrong.ts"), WRONG);
  const config = {
    extends: "../../tsconfig.json",
    compilerOptions: {
      target: "es2022",
      noEmit: false,
      rootDir: "../..",
      outDir: "out",
      declaration: false,
      isolatedDeclarations: false,
      rewriteRelativeImportExtensions: true,
      paths: { holdfast: [join(repositoryRoot, "src", "index.ts")] },
    },
    include: ["src"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  compiled = await runTool("tsc", ["--project", folder, "--pretty", "false"], { show: "capture" });
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("@retryable, compiled by tsc", () => {
  test("type-checks, and refuses what is no async method", () => {
    expect(compiled.output).toBe("");
  });

  test("does what it says, on this and on static methods", async () => {
    const preload = join(repositoryRoot, "test", "docs", "harness", "source-package.mjs");
    const program = join(folder, "out", folder.slice(repositoryRoot.length + 1), "src", "program.js");
    const { code, output } = await run(process.execPath, ["--import", preload, program], { show: "capture" });
    expect(output).toBe("done\n");
    expect(code).toBe(0);
  }, 30_000);
});
