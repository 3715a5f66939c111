/** Values that a JSON Schema accepts, as an arbitrary: only the keywords that the config's schema uses. */
import fc from "fast-check";

type Node = Readonly<Record<string, unknown>>;

export function arbitraryOf(root: Node, node: Node): fc.Arbitrary<unknown> {
  const of = (child: unknown): fc.Arbitrary<unknown> => arbitraryOf(root, child as Node);
  if (typeof node["$ref"] === "string") return of(definition(root, node["$ref"]));
  if (Array.isArray(node["anyOf"])) return fc.oneof(...(node["anyOf"] as Node[]).map(of));
  if ("const" in node) return fc.constant(node["const"]);
  if (Array.isArray(node["enum"])) return fc.constantFrom(...(node["enum"] as unknown[]));
  if (Array.isArray(node["examples"])) return fc.constantFrom(...(node["examples"] as unknown[]));
  const types = [node["type"]].flat() as string[];
  return fc.oneof(...types.map((type) => ofType(root, node, type)));
}

export function definition(root: Node, ref: string): Node {
  return (root["$defs"] as Readonly<Record<string, Node>>)[ref.replace("#/$defs/", "")] as Node;
}

function ofType(root: Node, node: Node, type: string): fc.Arbitrary<unknown> {
  const number = (name: string, fallback: number): number => (node[name] as number | undefined) ?? fallback;
  switch (type) {
    case "string":
      return typeof node["pattern"] === "string"
        ? fc.stringMatching(new RegExp(node["pattern"], "u"))
        : fc.string({ minLength: number("minLength", 0), maxLength: 12, unit: "grapheme-ascii" });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "integer":
      return fc.integer({ min: number("minimum", -1_000), max: Math.min(number("maximum", 5_000), 1_000_000_000) });
    case "number": {
      // Numbers as people write them: what is over 0 and rounds to it tells nothing of a limit.
      const least = "exclusiveMinimum" in node ? number("exclusiveMinimum", 0) + 1 : number("minimum", -100);
      return number("maximum", 2) <= 1
        ? fc.integer({ min: 1, max: 1_000 }).map((mils) => mils / 1_000)
        : fc.integer({ min: Math.ceil(least), max: Math.ceil(least) + 100_000 });
    }
    case "array":
      return fc.array(arbitraryOf(root, node["items"] as Node), {
        minLength: number("minItems", 0),
        maxLength: number("maxItems", number("minItems", 0) + 2),
      });
    case "object":
      return objectOf(root, node);
    default:
      throw new Error(`the arbitrary does not know the type ${type}`);
  }
}

function objectOf(root: Node, node: Node): fc.Arbitrary<unknown> {
  const properties = (node["properties"] ?? {}) as Readonly<Record<string, Node>>;
  const required = (node["required"] ?? []) as readonly string[];
  const names = Object.keys(properties);
  const values = fc.record(Object.fromEntries(names.map((name) => [name, arbitraryOf(root, properties[name] as Node)])));
  const extra =
    typeof node["additionalProperties"] === "object"
      ? fc.dictionary(
          arbitraryOf(root, node["propertyNames"] as Node) as fc.Arbitrary<string>,
          arbitraryOf(root, node["additionalProperties"] as Node),
          {
            minKeys: (node["minProperties"] as number | undefined) ?? 0,
            maxKeys: 2,
            noNullPrototype: true,
          },
        )
      : fc.constant({});
  const optional = names.filter((name) => !required.includes(name));
  const most = (node["maxProperties"] as number | undefined) ?? 4;
  const least = Math.max(0, ((node["minProperties"] as number | undefined) ?? 0) - required.length);
  // Few of the optional ones: with all of them nothing would fit together.
  const kept = fc.shuffledSubarray(optional, { minLength: Math.min(least, optional.length), maxLength: Math.min(most, optional.length) });
  return fc.tuple(values, extra, kept).map(([known, more, some]) => ({
    ...picked(known as Readonly<Record<string, unknown>>, [...required, ...some], node),
    ...more,
  }));
}

function picked(value: Readonly<Record<string, unknown>>, names: readonly string[], node: Node): object {
  const together = (node["dependentRequired"] ?? {}) as Readonly<Record<string, readonly string[]>>;
  const all = new Set([...names, ...names.flatMap((name) => together[name] ?? [])]);
  // The one condition that the schema has.
  const then = node["if"] !== undefined && all.has("quota") ? { then: "throttled" } : {};
  return { ...Object.fromEntries([...all].map((name) => [name, value[name]])), ...then };
}
