/** What JSON Schema (2020-12) says of a value. */
export type Schema = Readonly<Record<string, unknown>>;

/** One option: what it is for, what holds without it, and what may stand there. */
export interface Option {
  readonly about: string;
  /** What holds where it is left out, in words. */
  readonly fallback?: string;
  /** Left out: only a definition in TypeScript can have it, because it is a function or an object that holds one. */
  readonly schema?: Schema;
}

/** An object of options: a section of the reference, and a definition of the schema. */
export interface Shape {
  /** Its name among the schema's `$defs`. */
  readonly name: string;
  readonly about: string;
  readonly options: Readonly<Record<string, Option>>;
  readonly required: readonly string[];
  /** Keywords beside `properties`. */
  readonly more?: Schema;
}

/** The options of a type, each of them: the compiler holds the table to the type. */
type Table<Options> = { readonly [Key in keyof Options]-?: Option };

interface ShapeParts<Options> {
  readonly name: string;
  readonly about: string;
  readonly options: Table<Options>;
  readonly required?: readonly (keyof Options & string)[];
  readonly more?: Schema;
}

export function shape<Options>({ required = [], ...rest }: ShapeParts<Options>): Shape {
  return { ...rest, required };
}

/** Stands for a shape where it is used. */
export function use({ name }: Shape): Schema {
  return { $ref: `#/$defs/${name}` };
}

/** A shape as a definition: nothing that it does not name may stand in it. */
export function definitionOf({ about, options, required, more }: Shape): Schema {
  const properties = Object.fromEntries(
    Object.entries(options).flatMap(([name, { about: text, fallback, schema }]) =>
      schema === undefined ? [] : [[name, { description: fallback === undefined ? text : `${text} Default: ${fallback}.`, ...schema }]],
    ),
  );
  return {
    type: "object",
    description: about,
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
    ...more,
  };
}
