import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { isHoldfastError, type ConfigError } from "../core/errors.ts";
import { manualClock } from "../testing/manual-clock.ts";
import { bearer, type AuthOptions } from "./auth.ts";
import { Credential, urlWith } from "./credential.ts";
import type { CredentialWorld } from "./credential-world.ts";
import { env } from "./secret.ts";

const SECRET = "s3cret-Value";

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Of a credential that asks nobody but its own function. */
const WORLD: CredentialWorld = {
  transport: () => Promise.reject(new Error("nobody is to be asked")),
  clock: manualClock(),
};

/** A credential, by what goes over the wire. */
interface Subject {
  header: () => Promise<readonly [string, string]>;
  refresh: (refused?: string) => Promise<void>;
  canReplace: (refused?: string) => boolean;
  headerName: string | undefined;
}

function credential(options: AuthOptions): Subject {
  const subject = new Credential(options, "apis.crm.auth");
  return {
    async header() {
      const { name, value } = await subject.get(WORLD);
      return [name, value];
    },
    refresh: (refused) => subject.refresh(WORLD, refused),
    canReplace: (refused) => subject.canReplace(refused),
    headerName: subject.headerName,
  };
}

/** A source that hands out a1, a2…, each when the test says so. */
function source(): { ask: () => Promise<string>; give: (value: string) => void; fail: (error: Error) => void; asked: () => number } {
  const waiting: { resolve: (value: string) => void; reject: (error: Error) => void }[] = [];
  let asked = 0;
  return {
    ask: () =>
      new Promise<string>((resolve, reject) => {
        asked += 1;
        waiting.push({ resolve, reject });
      }),
    give: (value) => waiting.shift()!.resolve(value),
    fail: (error) => waiting.shift()!.reject(error),
    asked: () => asked,
  };
}

describe("the header", () => {
  test("bearer, basic and one of its own", async () => {
    expect(await credential(bearer("t1")).header()).toEqual(["authorization", "Bearer t1"]);
    expect(await credential({ type: "basic", username: "ada", password: "pä:ss" }).header()).toEqual([
      "authorization",
      `Basic ${Buffer.from("ada:pä:ss").toString("base64")}`,
    ]);
    expect(await credential({ type: "header", name: "X-Api-Key", value: "k1" }).header()).toEqual(["X-Api-Key", "k1"]);
  });

  test("is known by its name in lower case", () => {
    expect(credential(bearer("t")).headerName).toBe("authorization");
    expect(credential({ type: "basic", username: "u", password: "p" }).headerName).toBe("authorization");
    expect(credential({ type: "header", name: "X-Api-Key", value: "k" }).headerName).toBe("x-api-key");
  });

  test("loses the line end that a secret from a file has", async () => {
    expect(await credential(bearer("t1\n")).header()).toEqual(["authorization", "Bearer t1"]);
    expect(await credential(bearer(() => "t2\r\n")).header()).toEqual(["authorization", "Bearer t2"]);
    vi.stubEnv("CRM_TOKEN", "t3\n");
    expect(await credential(bearer(env("CRM_TOKEN"))).header()).toEqual(["authorization", "Bearer t3"]);
  });
});

describe("a secret from the environment", () => {
  test("is read when it is sent, not before", async () => {
    const auth = credential(bearer(env("CRM_TOKEN")));
    vi.stubEnv("CRM_TOKEN", "first");
    expect(await auth.header()).toEqual(["authorization", "Bearer first"]);
    vi.stubEnv("CRM_TOKEN", "rotated");
    expect(await auth.header()).toEqual(["authorization", "Bearer rotated"]);
  });

  test.each([undefined, ""])("that is %j is missed by its name, and by the option that wants it", async (value) => {
    vi.stubEnv("CRM_PASSWORD", value);
    const auth = credential({ type: "basic", username: "ada", password: env("CRM_PASSWORD") });
    await expect(auth.header()).rejects.toThrow(
      expect.objectContaining({ code: "config", path: "apis.crm.auth.password", message: expect.stringContaining("CRM_PASSWORD") }),
    );
    vi.stubEnv("CRM_PASSWORD", "there now");
    await expect(auth.header()).resolves.toBeDefined();
  });

  test("can be replaced only by another one, and a literal never", () => {
    vi.stubEnv("CRM_TOKEN", "first");
    const auth = credential(bearer(env("CRM_TOKEN")));
    expect(auth.canReplace("Bearer first")).toBe(false);
    vi.stubEnv("CRM_TOKEN", "rotated");
    expect(auth.canReplace("Bearer first")).toBe(true);
    vi.stubEnv("CRM_TOKEN", "");
    expect(auth.canReplace("Bearer first")).toBe(false);
    expect(credential(bearer("t")).canReplace("Bearer t")).toBe(false);
    expect(credential(bearer(() => "t")).canReplace("Bearer t")).toBe(true);
    expect(credential({ type: "basic", username: "u", password: () => "p" }).canReplace()).toBe(true);
  });
});

describe("a secret in a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-secret-"));
  const file = join(folder, "token");
  afterAll(() => rmSync(folder, { recursive: true }));

  test("is read when it is sent, and a rotated one from the moment on that it is there", async () => {
    writeFileSync(file, "first\n");
    const auth = credential(bearer({ file }));
    expect([await auth.header(), await auth.header()]).toEqual([
      ["authorization", "Bearer first"],
      ["authorization", "Bearer first"],
    ]);
    // As those who mount secrets do it: another file takes its place.
    writeFileSync(`${file}.new`, "other\n");
    renameSync(`${file}.new`, file);
    expect(auth.canReplace("Bearer first")).toBe(true);
    expect(await auth.header()).toEqual(["authorization", "Bearer other"]);
    expect(auth.canReplace("Bearer other")).toBe(false);
  });

  test("that is not there, or empty, is missed by its name", async () => {
    const missing = credential(bearer({ file: join(folder, "none") })).header();
    await expect(missing).rejects.toThrow(/apis\.crm\.auth\.token refers to the file .*none, which cannot be read \(ENOENT\)/);
    writeFileSync(join(folder, "empty"), "\n");
    await expect(credential(bearer({ file: join(folder, "empty") })).header()).rejects.toThrow("which is empty");
  });
});

describe("a credential in the query", () => {
  test("goes into the URL on the wire, and over one that is there", () => {
    const sent = new Credential({ type: "query", name: "api key", value: "k&1" }, "auth").get(WORLD);
    expect(sent).toMatchObject({ in: "query", name: "api key", value: "k&1", secrets: ["k&1", "k%261", "k%261"] });
    const url = urlWith("https://api.example.com/v1?a=1&api+key=old", sent as Awaited<typeof sent>);
    expect(url).toBe("https://api.example.com/v1?a=1&api+key=k%261");
  });
});

describe("a secret that a function gets", () => {
  test("is asked for once, by however many calls at once", async () => {
    const { ask, give, asked } = source();
    const auth = credential(bearer(ask));
    const headers = [auth.header(), auth.header(), auth.header()];
    give("t1");
    expect(await Promise.all(headers)).toEqual(Array.from({ length: 3 }, () => ["authorization", "Bearer t1"]));
    await auth.header();
    expect(asked()).toBe(1);
  });

  test("is asked for once more after a refusal, by all calls that were refused together", async () => {
    const { ask, give, asked } = source();
    const auth = credential(bearer(ask));
    const first = auth.header();
    give("t1");
    await first;

    const refreshed = [auth.refresh(), auth.refresh(), auth.refresh()];
    const meanwhile = auth.header();
    give("t2");
    await Promise.all(refreshed);
    expect(await meanwhile).toEqual(["authorization", "Bearer t2"]);
    expect(await auth.header()).toEqual(["authorization", "Bearer t2"]);
    expect(asked()).toBe(2);
  });

  test("is not asked for again by a call that was refused with what has been replaced since", async () => {
    const { ask, give, asked } = source();
    const auth = credential(bearer(ask));
    const first = auth.header();
    give("t1");
    await first;
    const refreshed = auth.refresh("Bearer t1");
    give("t2");
    await refreshed;

    await auth.refresh("Bearer t1");
    expect(asked()).toBe(2);
    const again = auth.refresh("Bearer t2");
    give("t3");
    await again;
    expect(await auth.header()).toEqual(["authorization", "Bearer t3"]);
  });

  test("is asked for by each later refusal", async () => {
    let count = 0;
    const auth = credential(bearer(() => `t${(count += 1)}`));
    await auth.header();
    await auth.refresh();
    await auth.refresh();
    expect(await auth.header()).toEqual(["authorization", "Bearer t3"]);
  });

  test("that could not be got fails those who waited, and is asked for anew by the next", async () => {
    const { ask, give, fail, asked } = source();
    const auth = credential(bearer(ask));
    const both = [auth.header(), auth.header()];
    fail(new Error("no network"));
    await expect(Promise.allSettled(both)).resolves.toMatchObject([{ status: "rejected" }, { status: "rejected" }]);
    const next = auth.header();
    give("t1");
    expect(await next).toEqual(["authorization", "Bearer t1"]);
    expect(asked()).toBe(2);
  });

  test("that could not be refreshed leaves nothing stale behind", async () => {
    const { ask, give, fail } = source();
    const auth = credential(bearer(ask));
    const first = auth.header();
    give("t1");
    await first;
    const refreshed = auth.refresh("Bearer t1");
    fail(new Error("the token endpoint is down"));
    await expect(refreshed).rejects.toThrow("token endpoint");
    const again = auth.refresh("Bearer t1");
    give("t2");
    await again;
    expect(await auth.header()).toEqual(["authorization", "Bearer t2"]);
  });

  test("fails late, and takes nothing from the refresh that overtook it", async () => {
    const { ask, give, fail, asked } = source();
    const auth = credential(bearer(ask));
    const slow = auth.header();
    const refreshed = auth.refresh();
    fail(new Error("too late"));
    await expect(slow).rejects.toThrow("too late");
    give("t2");
    await refreshed;
    expect(await auth.header()).toEqual(["authorization", "Bearer t2"]);
    expect(asked()).toBe(2);
  });

  test.each([
    ["", "an empty text"],
    [undefined, "undefined"],
    [42, "number"],
    [null, "object"],
  ])("must be a text: %j", async (value, told) => {
    const auth = credential(bearer(() => value as unknown as string));
    await expect(auth.header()).rejects.toThrow(
      expect.objectContaining({ path: "apis.crm.auth.token", message: expect.stringContaining(told) }),
    );
  });
});

describe("a wrong definition", () => {
  test.each<[string, unknown, string, string]>([
    ["no object", "token", ".type", "undefined"],
    ["nothing", null, ".type", "undefined"],
    ["an unknown type", { type: "oauth", token: "t" }, ".type", '"oauth"'],
    ["a type off the prototype", { type: "toString", token: "t" }, ".type", '"toString"'],
    ["no token", { type: "bearer" }, ".token", "missing"],
    ["an empty token", { type: "bearer", token: "" }, ".token", "empty"],
    ["a number for a token", { type: "bearer", token: 42 }, ".token", "a number"],
    ["no variable", { type: "bearer", token: {} }, ".token.env", "missing"],
    ["an empty variable", { type: "bearer", token: { env: "" } }, ".token.env", "empty"],
    ["an unknown source", { type: "bearer", token: { vault: "crm" } }, ".token.vault", "not an option"],
    ["two sources", { type: "bearer", token: { env: "A", file: "/a" } }, ".token", "both"],
    ["a file that depends on who reads it", { type: "bearer", token: { file: "token" } }, ".token.file", "absolute"],
    ["no parameter's name", { type: "query", value: "v" }, ".name", "undefined"],
    ["an unknown option", { type: "bearer", token: "t", scheme: "Token" }, ".scheme", "not an option"],
    ["no password", { type: "basic", username: "u" }, ".password", "missing"],
    ["no header name", { type: "header", value: "v" }, ".name", "undefined"],
    ["a bad header name", { type: "header", name: "X Key", value: "v" }, ".name", "not a header name"],
    ["a name for a bearer", { type: "bearer", token: "t", name: "X-Key" }, ".name", "not an option"],
  ])("with %s names its place", (_what, options, path, told) => {
    expect(() => credential(options as AuthOptions)).toThrow(
      expect.objectContaining({ code: "config", path: `apis.crm.auth${path}`, message: expect.stringContaining(told) }),
    );
  });

  test("shows no secret, whatever is wrong", async () => {
    const wrong: readonly (() => unknown)[] = [
      () => credential({ type: "bearer", token: SECRET, tokn: 1 } as unknown as AuthOptions),
      () => credential({ type: "bearre", token: SECRET } as unknown as AuthOptions),
      () => credential({ type: "basic", username: SECRET } as unknown as AuthOptions),
      () => credential(bearer(`${SECRET}\nX-Injected: 1`)).header(),
      () => credential(bearer(() => `${SECRET}\u2026`)).header(),
      () => credential({ type: "header", name: "X-Key", value: `a\u0000${SECRET}` }).header(),
    ];
    for (const act of wrong) {
      const error: unknown = await Promise.resolve()
        .then(act)
        .catch((caught: unknown) => caught);
      expect(isHoldfastError(error, "config")).toBe(true);
      expect((error as ConfigError).message).not.toContain(SECRET);
    }
  });
});
