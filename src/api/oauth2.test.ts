import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { manualClock, type ManualClock } from "../testing/manual-clock.ts";
import type { AuthOptions, OAuth2Auth } from "./auth.ts";
import { Credential } from "./credential.ts";

const TOKEN_URL = "https://auth.example.com/token";
const CLIENT = { type: "oauth2", tokenUrl: TOKEN_URL, clientId: "id", clientSecret: "s3cret/&" } as const;
const OWN: OAuth2Auth = { ...CLIENT, grant: "client-credentials" };

/** A token endpoint: what it was asked, and what it is to answer next. */
interface Desk {
  readonly asked: { readonly headers: Headers; readonly form: URLSearchParams; readonly redirect: string | undefined }[];
  answer: () => Response | Promise<Response>;
  readonly clock: ManualClock;
  transport: (url: string, init: RequestInit) => Promise<Response>;
}

function desk(answer?: () => Response | Promise<Response>): Desk {
  const made: Desk = {
    asked: [],
    clock: manualClock(),
    answer: answer ?? ((): Response => Response.json({ access_token: `a${made.asked.length}`, token_type: "Bearer", expires_in: 3_600 })),
    async transport(url, init) {
      expect(url).toBe(TOKEN_URL);
      made.asked.push({
        headers: new Headers(init.headers),
        form: new URLSearchParams(init.body as string),
        redirect: init.redirect,
      });
      return await made.answer();
    },
  };
  return made;
}

const credential = (options: OAuth2Auth): Credential => new Credential(options, "apis.crm.auth");
const sentBy = async (auth: Credential, world: Desk): Promise<string> => (await auth.get(world)).value;

describe("a token of a token endpoint", () => {
  test("is asked for with the grant, the scope and the client, who says who it is in the header", async () => {
    const world = desk();
    const auth = credential({ ...OWN, scope: "read write", parameters: { audience: "https://crm" } });
    expect(await sentBy(auth, world)).toBe("Bearer a1");
    const [{ headers, form, redirect }] = world.asked as [Desk["asked"][number]];
    expect([...form]).toEqual([
      ["audience", "https://crm"],
      ["scope", "read write"],
      ["grant_type", "client_credentials"],
    ]);
    expect(headers.get("authorization")).toBe(`Basic ${Buffer.from("id:s3cret%2F%26").toString("base64")}`);
    expect(redirect).toBe("manual");
  });

  test("or by fields of the request, where the endpoint wants that", async () => {
    const world = desk();
    await sentBy(credential({ ...OWN, clientAuth: "body" }), world);
    expect(world.asked[0]?.headers.get("authorization")).toBeNull();
    expect(world.asked[0]?.form.get("client_secret")).toBe("s3cret/&");
  });

  test("is asked for once by however many calls, and once more by all that were refused with it", async () => {
    const world = desk();
    const auth = credential(OWN);
    expect(new Set(await Promise.all(Array.from({ length: 50 }, () => sentBy(auth, world))))).toEqual(new Set(["Bearer a1"]));
    await Promise.all(Array.from({ length: 50 }, () => auth.refresh(world, "Bearer a1")));
    await auth.refresh(world, "Bearer a1");
    expect(await sentBy(auth, world)).toBe("Bearer a2");
    expect(world.asked).toHaveLength(2);
  });

  test("is replaced on the side before it is over, and nobody waits for that", async () => {
    const world = desk();
    const auth = credential(OWN);
    await sentBy(auth, world);
    await world.clock.advance(3_539_000);
    expect(await sentBy(auth, world)).toBe("Bearer a1");
    expect(world.asked).toHaveLength(1);
    await world.clock.advance(2_000);
    expect(await sentBy(auth, world)).toBe("Bearer a1");
    await settled();
    expect(await sentBy(auth, world)).toBe("Bearer a2");
    expect(world.asked).toHaveLength(2);
  });

  test("holds on to its end where no other can be had, and its end is a call's affair", async () => {
    const world = desk();
    const auth = credential(OWN);
    await sentBy(auth, world);
    world.answer = (): Response => new Response("busy", { status: 503, headers: { "retry-after": "7" } });
    await world.clock.advance(3_545_000);
    for (let call = 0; call < 5; call += 1) {
      expect(await sentBy(auth, world)).toBe("Bearer a1");
      await settled();
    }
    // One try every ten seconds, however many call.
    expect(world.asked).toHaveLength(2);
    await world.clock.advance(60_000);
    await expect(auth.get(world)).rejects.toMatchObject({ code: "credential", retryable: true, retryAfterMs: 7_000 });
  });

  test("that says nothing of its end is kept until it is refused", async () => {
    const world = desk(() => Response.json({ access_token: "forever" }));
    const auth = credential(OWN);
    await sentBy(auth, world);
    await world.clock.advance(86_400_000);
    await sentBy(auth, world);
    expect(world.asked).toHaveLength(1);
  });
});

describe("a token endpoint that gives none", () => {
  const tell = async (answer: () => Response | Promise<Response>): Promise<unknown> => {
    try {
      await credential(OWN).get(desk(answer));
    } catch (error) {
      return error;
    }
    return undefined;
  };

  test.each<[string, () => Response | Promise<Response>, string, RegExp]>([
    [
      "does not know the client",
      () => Response.json({ error: "invalid_client" }, { status: 401 }),
      "config",
      /401 invalid_client: .*clientSecret/,
    ],
    ["has no such scope", () => Response.json({ error: "invalid_scope" }, { status: 400 }), "config", /see to scope/],
    ["leads elsewhere", () => new Response(null, { status: 302, headers: { location: "https://evil.test" } }), "config", /not followed/],
    ["is in trouble", () => new Response("<html>", { status: 502 }), "credential", /answered 502; nothing was sent/],
    ["is busy", () => Response.json({ error: "slow_down" }, { status: 429 }), "credential", /429 slow_down/],
    [
      "cannot be reached",
      () => Promise.reject(Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED" } })),
      "credential",
      /ECONNREFUSED/,
    ],
    ["answers with a page", () => new Response("<html>hello</html>"), "credential", /no JSON object/],
    ["gives no token", () => Response.json({}), "credential", /no access_token/],
    ["gives another kind of token", () => Response.json({ access_token: "t", token_type: "mac" }), "credential", /no bearer token/],
  ])("%s", async (_what, answer, code, told) => {
    const error = await tell(answer);
    expect(error).toMatchObject({ code, message: expect.stringMatching(told) });
    expect((error as Error).message).toContain("apis.crm.auth");
  });

  test("and repeats the secret that it was asked with: nothing of that is told", async () => {
    const error = await tell(() => Response.json({ error: "invalid_client", error_description: "s3cret/& is wrong" }, { status: 401 }));
    expect(JSON.stringify([String(error), (error as Error).cause ?? null])).not.toContain("s3cret");
  });

  test("answers too late", async () => {
    const world = desk(() => new Promise(() => undefined));
    const { transport } = world;
    world.transport = (url, init) =>
      Promise.race([
        transport(url, init),
        new Promise<never>((_resolve, reject) => {
          init.signal?.addEventListener("abort", () => reject(init.signal?.reason as Error));
        }),
      ]);
    const told = Promise.resolve(credential(OWN).get(world)).catch((error: unknown) => error);
    await settled();
    await world.clock.advance(15_000);
    expect(await told).toMatchObject({ code: "credential", message: expect.stringContaining("no answer within 15 s") });
  });
});

describe("a refresh token", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-oauth-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const rotating = (): Desk => {
    const world = desk();
    world.answer = (): Response => Response.json({ access_token: `a${world.asked.length}`, refresh_token: `r${world.asked.length}` });
    return world;
  };

  test("is sent for a token, by a public client too", async () => {
    const world = desk();
    const auth = credential({ type: "oauth2", grant: "refresh-token", tokenUrl: TOKEN_URL, clientId: "id", refreshToken: "r0" });
    expect(await sentBy(auth, world)).toBe("Bearer a1");
    expect([...(world.asked[0]?.form ?? [])]).toEqual([
      ["grant_type", "refresh_token"],
      ["refresh_token", "r0"],
      ["client_id", "id"],
    ]);
  });

  test("that changes with each answer is followed, and outlives the process in the file that is named for it", async () => {
    const keepIn = join(folder, "crm.refresh-token");
    const options: OAuth2Auth = { ...CLIENT, grant: "refresh-token", refreshToken: "r0", keepIn };
    const world = rotating();
    const auth = credential(options);
    await sentBy(auth, world);
    await auth.refresh(world, "Bearer a1");
    expect(world.asked.map(({ form }) => form.get("refresh_token"))).toEqual(["r0", "r1"]);
    expect(readFileSync(keepIn, "utf8")).toBe("r2\n");
    expect(statSync(keepIn).mode & 0o777).toBe(0o600);

    const later = rotating();
    await sentBy(credential(options), later);
    expect(later.asked[0]?.form.get("refresh_token")).toBe("r2");
  });

  test("that cannot be kept is told, and not lost quietly", async () => {
    const auth = credential({ ...CLIENT, grant: "refresh-token", refreshToken: "r0", keepIn: join(folder, "none", "token") });
    await expect(auth.get(rotating())).rejects.toMatchObject({ path: "apis.crm.auth.keepIn", message: expect.stringContaining("ENOENT") });
  });
});

describe("a wrong definition", () => {
  test.each<[string, object, string]>([
    ["no grant", { ...CLIENT }, ".grant"],
    ["an unknown grant", { ...CLIENT, grant: "password" }, ".grant"],
    ["no endpoint", { ...OWN, tokenUrl: undefined }, ".tokenUrl"],
    ["an endpoint in clear, elsewhere", { ...OWN, tokenUrl: "http://auth.example.com/token" }, ".tokenUrl"],
    ["an endpoint with a credential", { ...OWN, tokenUrl: "https://id:secret@auth.example.com" }, ".tokenUrl"],
    ["no secret", { type: "oauth2", grant: "client-credentials", tokenUrl: TOKEN_URL, clientId: "id" }, ".clientSecret"],
    ["no refresh token", { ...CLIENT, grant: "refresh-token" }, ".refreshToken"],
    ["a refresh token without effect", { ...OWN, refreshToken: "r" }, ".refreshToken"],
    ["a file that depends on who reads it", { ...CLIENT, grant: "refresh-token", refreshToken: "r", keepIn: "token" }, ".keepIn"],
    ["an unknown way to say who it is", { ...OWN, clientAuth: "header" }, ".clientAuth"],
    ["a field that the grant sets", { ...OWN, parameters: { grant_type: "password" } }, ".parameters.grant_type"],
    ["a field that is no text", { ...OWN, parameters: { audience: 1 } }, ".parameters.audience"],
    ["an option that nobody knows", { ...OWN, audience: "x" }, ".audience"],
  ])("with %s names its place", (_what, options, path) => {
    expect(() => new Credential(options as AuthOptions, "apis.crm.auth")).toThrow(
      expect.objectContaining({ code: "config", path: `apis.crm.auth${path}` }),
    );
  });

  test("on this machine may be in clear", () => {
    expect(() => credential({ ...OWN, tokenUrl: "http://127.0.0.1:8080/token" })).not.toThrow();
  });
});

/** Lets what is under way on the side come to its end. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
