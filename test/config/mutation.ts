/** A value with one thing changed, and where. */
import fc from "fast-check";

export type Place = readonly (string | number)[];

export interface Mutation {
  readonly config: unknown;
  readonly at: Place;
}

const JUNK: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  0.5,
  1e6,
  "",
  "nonsense",
  "10 parsecs",
  "5m",
  "X-Y",
  [],
  ["a"],
  [1],
  [null],
  {},
  { a: 1 },
];

export function mutationOf(config: unknown): fc.Arbitrary<Mutation> {
  const places = [...placesOf(config, [])];
  return fc.constantFrom(...places).chain((at) => {
    const value = valueAt(config, at);
    const kinds: fc.Arbitrary<Mutation>[] = [fc.constantFrom(...JUNK).map((junk) => ({ config: changed(config, at, junk), at }))];
    if (at.length > 0 && typeof at.at(-1) === "string") kinds.push(fc.constant({ config: removed(config, at), at: at.slice(0, -1) }));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      // Under another name than any option has; and the one that objects have by themselves.
      const names = fc.constantFrom("stroe", "__proto__", "constructor");
      kinds.push(names.map((name) => ({ config: changed(config, at, withOwn(value, name)), at: [...at, name] })));
    }
    return fc.oneof(...kinds);
  });
}

/** A place as errors name it: `apis.crm.endpoints["GET /a"].retry`, `tokens[0].name`. */
export function textOf(at: Place): string {
  return at
    .map((step, index) =>
      typeof step === "number" ? `[${step}]` : at[index - 1] === "endpoints" ? `["${step}"]` : index === 0 ? step : `.${step}`,
    )
    .join("");
}

function* placesOf(value: unknown, at: Place): Generator<Place> {
  yield at;
  if (typeof value !== "object" || value === null) return;
  for (const [name, part] of Object.entries(value)) yield* placesOf(part, [...at, Array.isArray(value) ? Number(name) : name]);
}

function valueAt(value: unknown, at: Place): unknown {
  return at.reduce<unknown>((found, step) => (found as Record<string | number, unknown>)[step], value);
}

function changed(value: unknown, at: Place, junk: unknown): unknown {
  const [step, ...rest] = at;
  if (step === undefined) return junk;
  if (Array.isArray(value)) return value.map((part: unknown, index) => (index === step ? changed(part, rest, junk) : part));
  const entries = Object.entries(value as object).map(
    ([name, part]) => [name, name === step ? changed(part, rest, junk) : (part as unknown)] as const,
  );
  return Object.fromEntries(entries);
}

function removed(value: unknown, at: Place): unknown {
  const name = at.at(-1);
  const holder = valueAt(value, at.slice(0, -1)) as object;
  return changed(value, at.slice(0, -1), Object.fromEntries(Object.entries(holder).filter(([key]) => key !== name)));
}

/** As JSON.parse() makes it: an own `__proto__` too. */
function withOwn(value: object, name: string): object {
  return JSON.parse(
    `{${JSON.stringify(value).slice(1, -1)}${Object.keys(value).length === 0 ? "" : ","}${JSON.stringify(name)}:{"polluted":1}}`,
  ) as object;
}
