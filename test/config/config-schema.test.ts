import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { BEYOND_SCHEMA } from "../../src/cli/config-schema/beyond.ts";
import { configSchema } from "../../src/cli/config-schema/index.ts";
import { checkConfig, type HoldfastConfig } from "../../src/client/define-config.ts";
import { createHoldfast } from "../../src/client/holdfast.ts";
import { isHoldfastError } from "../../src/core/errors.ts";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { arbitraryOf } from "./arbitrary.ts";
import { mutationOf, textOf } from "./mutation.ts";

const root = configSchema();
let accepts: ValidateFunction;
beforeAll(() => {
  accepts = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allowUnionTypes: true }).compile(root);
});

interface Refusal {
  readonly path: string;
  readonly message: string;
}

/** What `config check` says; undefined where it takes the config. */
function refusalOf(config: unknown): Refusal | undefined {
  try {
    checkConfig(config);
    return undefined;
  } catch (error) {
    if (!isHoldfastError(error) || error.code !== "config") throw error;
    return { path: (error as { readonly path?: string }).path ?? "", message: error.message };
  }
}

const beyond = BEYOND_SCHEMA.map(({ path }) => new RegExp(`^${path.split("*").map(escaped).join(".+")}$`));

function escaped(text: string): string {
  return text.replaceAll(/[.[\]\\]/g, String.raw`\$&`);
}

/** Whether a refusal is one of the rules that the schema cannot say. */
function isBeyond({ path }: Refusal): boolean {
  return beyond.some((pattern) => pattern.test(path));
}

/** A config that the schema takes: an API to speak of is always there, and few other things. */
const configs = arbitraryOf(root, { $ref: "#/$defs/Config" }).map((config) => {
  const { apis, ...rest } = config as { readonly apis: object };
  return { apis: { crm: { baseUrl: "https://api.example.com" }, ...apis }, ...rest };
});

const RUNS = { numRuns: 1_000 };

describe("the config's schema", () => {
  test("lets nothing through that is refused, but for the rules that it names", () => {
    let taken = 0;
    let runs = 0;
    fc.assert(
      fc.property(configs, (config) => {
        if (!accepts(config)) return;
        runs += 1;
        const refusal = refusalOf(config);
        if (refusal === undefined) taken += 1;
        else if (!isBeyond(refusal)) throw new Error(`the schema takes it, the check does not: ${refusal.message}`);
      }),
      RUNS,
    );
    // It would prove nothing if hardly any were taken.
    expect(runs).toBeGreaterThan(RUNS.numRuns * 0.7);
    expect(taken).toBeGreaterThan(runs * 0.4);
  });

  test("refuses nothing that is taken; and what it refuses is refused at its place", () => {
    let refused = 0;
    fc.assert(
      fc.property(
        configs.filter((config) => accepts(config) && refusalOf(config) === undefined).chain((config) => mutationOf(config)),
        ({ config, at }) => {
          const refusal = refusalOf(config);
          if (accepts(config)) {
            if (refusal !== undefined && !isBeyond(refusal)) throw new Error(`the schema takes it, the check does not: ${refusal.message}`);
            return;
          }
          refused += 1;
          if (refusal === undefined) throw new Error(`the check takes what the schema refuses at ${textOf(at)}`);
          const place = textOf(at);
          const told = refusal.path.replace(/^config\./, "");
          if (!told.startsWith(place) && !place.startsWith(told)) throw new Error(`wrong at ${place}, told at ${told}: ${refusal.message}`);
        },
      ),
      RUNS,
    );
    expect(refused).toBeGreaterThan(RUNS.numRuns * 0.5);
  });

  test("takes what createHoldfast() takes of it", async () => {
    await fc.assert(
      fc.asyncProperty(
        configs.filter((config) => refusalOf(config) === undefined),
        async (config) => {
          const { apis, worker, deadLetters, alerts, callbacks } = config as unknown as HoldfastConfig;
          const { allow: _, ...said } = callbacks ?? { secret: "" };
          const hf = await createHoldfast({
            apis,
            store: memory(),
            ...(worker === undefined ? {} : { worker }),
            ...(deadLetters === undefined ? {} : { deadLetters }),
            ...(alerts === undefined ? {} : { alerts }),
            ...(callbacks === undefined ? {} : { callbacks: said }),
          });
          await hf.close();
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("a rule that the schema cannot say", () => {
  test.each(BEYOND_SCHEMA.map((one) => [`${one.path}: ${one.rule}`, one] as const))("%s", (_, { path, example }) => {
    accepts(example);
    expect(accepts.errors).toBeNull();
    const pattern = beyond[BEYOND_SCHEMA.findIndex((one) => one.path === path)] as RegExp;
    expect(refusalOf(example)?.path).toMatch(pattern);
  });
});
