import { afterAll, beforeAll, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { PROBLEMS } from "../../src/gateway/problem.ts";
import { adminWorld, type AdminWorld } from "./admin-world.ts";

let world: AdminWorld;
beforeAll(async () => {
  world = await adminWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean; readonly schema: object }[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: object }>>;
  readonly security: readonly object[];
}

it("every route is in the document, and the document holds no other", async () => {
  const { paths } = (await world.ask("GET", "/openapi.json", { as: null })).body as Document;
  const told = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
  expect(told.sort()).toEqual(world.app.routes.map(({ method, path }) => `${method} ${path}`).sort());
});

it("the document is OpenAPI 3.1: ids are unique, parameters of paths are told, references lead somewhere", async () => {
  const document = (await world.ask("GET", "/openapi.json", { as: null })).body as Document;
  expect(document.openapi).toBe("3.1.0");
  expect(document.info).toMatchObject({ title: "Holdfast gateway", version: "0.0.0-test" });
  const ids: string[] = [];
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const operation of Object.values(methods)) {
      ids.push(operation.operationId);
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(inPath.every(({ required }) => required)).toBe(true);
      const names = (operation.parameters ?? []).map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(Object.keys(operation.responses)).toContain("default");
      for (const response of Object.values(operation.responses)) expect(response.description).not.toBe("");
      expect(operation.summary).not.toBe("");
      expect(Array.isArray(operation.security)).toBe(true);
    }
  }
  expect(new Set(ids).size).toBe(ids.length);
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target as string);
  expect(references.length).toBeGreaterThan(0);
  for (const target of references) {
    const found = target
      .slice(2)
      .split("/")
      .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document);
    expect([target, found === undefined]).toEqual([target, false]);
  }
});

it("the reference page names every route, its scope and what it takes", () => {
  const page = readFileSync(new URL("../../docs/reference/http-api.md", import.meta.url), "utf8");
  for (const { method, path, scope } of world.app.routes) {
    const row = page.split("\n").find((line) => line.startsWith("|") && line.includes(`\`${method} ${path}\``));
    expect([`${method} ${path}`, row?.includes(`| ${scope} `)]).toEqual([`${method} ${path}`, true]);
  }
  const told = [...page.matchAll(/`((?:GET|POST|DELETE) \/(?:v1|in|metrics|openapi|healthz|readyz)[^`]*)`/g)].map(
    ([, name]) => name as string,
  );
  const known = new Set(world.app.routes.map(({ method, path }) => `${method} ${path}`));
  expect(told.filter((name) => !known.has(name))).toEqual([]);
});

it("the reference page lists every problem with its status and title, and no other", () => {
  const page = readFileSync(new URL("../../docs/reference/http-api.md", import.meta.url), "utf8");
  const told = [...page.matchAll(/^\| (\d{3}) +\| `([a-z-]+)` +\| (.+?) +\|$/gm)].map(
    ([, status, code, title]) => `${status} ${code} ${title}`,
  );
  expect(told.toSorted()).toEqual(
    Object.entries(PROBLEMS)
      .map(([code, { status, title }]) => `${status} ${code} ${title}`)
      .toSorted(),
  );
});
