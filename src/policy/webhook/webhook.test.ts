import { createHmac } from "node:crypto";
import OpenAI from "openai";
import { Stripe } from "stripe";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../adapters/clock/system.ts";
import { utf8 } from "./encoding.ts";
import { verifyPlainHmac, type PlainHmac } from "./plain-hmac.ts";
import { SCHEMES, type SchemeName } from "./schemes.ts";
import { signWebhook } from "./standard-webhooks.ts";
import type { Verification, WebhookRequest } from "./verification.ts";

const MINUTE = 60_000;

interface Delivery {
  readonly secret: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** When it was sent. */
  readonly at: number;
  readonly url?: string;
}

/** Deliveries that their senders' own documentation, SDKs or specification give as examples. */
const EXAMPLES: Readonly<Record<SchemeName, Delivery>> = {
  // The reference vector of the specification's own libraries.
  "standard-webhooks": {
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    headers: {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    body: '{"test": 2432232314}',
    at: 1_614_265_330_000,
  },
  // Stripe publishes no vector; this is what `stripe.webhooks.generateTestHeaderString` gives, see the test below.
  stripe: {
    secret: "whsec_test_secret",
    headers: { "stripe-signature": `t=1700000000,v1=${hex("whsec_test_secret", '1700000000.{"id":"evt_1","object":"event"}')}` },
    body: '{"id":"evt_1","object":"event"}',
    at: 1_700_000_000_000,
  },
  // Shopify publishes the algorithm and no vector: base64 of the HMAC over the body.
  shopify: {
    secret: "hush",
    headers: {
      "x-shopify-hmac-sha256": createHmac("sha256", "hush").update('{"id":820982911946154508}').digest("base64"),
      "x-shopify-topic": "orders/create",
      "x-shopify-shop-domain": "example.myshopify.com",
      "x-shopify-event-id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
    },
    body: '{"id":820982911946154508}',
    at: 0,
  },
  // docs.github.com, "Validating webhook deliveries": testing the validation.
  github: {
    secret: "It's a Secret to Everybody",
    headers: {
      "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
      "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    },
    body: "Hello, World!",
    at: 0,
  },
  // The test of HubSpot's own Python SDK. Its body is not JSON, so it is told apart below.
  hubspot: {
    secret: "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
    headers: {
      "x-hubspot-signature-v3": "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=",
      "x-hubspot-request-timestamp": "1693657560000",
    },
    body: "{'example_field':'example_value'}",
    at: 1_693_657_560_000,
    url: "https://www.example.com/webhook_uri",
  },
  // docs.slack.dev, "Verifying requests from Slack".
  slack: {
    secret: "8f742231b10e8888abcd99yyyzzz85a5",
    headers: {
      "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
      "x-slack-request-timestamp": "1531420618",
    },
    body: "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
    at: 1_531_420_618_000,
  },
};

const IDS: Readonly<Record<Exclude<SchemeName, "hubspot">, string>> = {
  "standard-webhooks": "msg_p5jXN8AQM9LWM0D4loKWxJek",
  stripe: "evt_1",
  shopify: "example.myshopify.com orders/create 98880550-7158-44d4-b7cd-2c97c8a091b5",
  github: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
  slack: "398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
};

const NAMES = Object.keys(SCHEMES) as SchemeName[];
const SIGNED_TIMES = NAMES.filter((name) => EXAMPLES[name].at > 0);

function hex(secret: string, message: string): string {
  return createHmac("sha256", secret).update(message).digest("hex");
}

function requestOf({ headers, body, url = "https://example.com/in" }: Delivery): WebhookRequest {
  return { method: "POST", url, headers: new Headers(headers), body: utf8(body) };
}

function verify(
  name: SchemeName,
  changes: Partial<Delivery> & { readonly now?: number; readonly secrets?: readonly string[] } = {},
): Promise<Verification> {
  const delivery = { ...EXAMPLES[name], ...changes };
  const { now = delivery.at, secrets = [delivery.secret] } = changes;
  return SCHEMES[name](requestOf(delivery), { secrets, now, toleranceMs: 5 * MINUTE });
}

function refusalOf(verification: Verification): string {
  return verification.state === "refused" ? verification.refusal : verification.state;
}

describe("each scheme", () => {
  it.each(NAMES.filter((name) => name !== "hubspot"))("%s verifies its documented example, and finds the event's id", async (name) => {
    expect(await verify(name)).toMatchObject({ state: "verified", events: [{ id: IDS[name] }] });
  });

  it("hubspot verifies the example of its SDK, and says that its body is not JSON", async () => {
    expect(refusalOf(await verify("hubspot"))).toBe("body-wrong");
    expect(refusalOf(await verify("hubspot", { body: "{}" }))).toBe("signature-wrong");
  });

  it.each(NAMES)("%s refuses another secret, another body by one byte, and no signature", async (name) => {
    const other = name === "standard-webhooks" ? "whsec_c2VjcmV0LW9mLWFub3RoZXItZW5kcG9pbnQ=" : "other";
    expect(refusalOf(await verify(name, { secret: other }))).toBe("signature-wrong");
    expect(refusalOf(await verify(name, { body: `${EXAMPLES[name].body} ` }))).toBe("signature-wrong");
    expect(refusalOf(await verify(name, { headers: {} }))).toBe("signature-missing");
  });

  it.each(NAMES)("%s refuses signatures that are cut, empty or of another form", async (name) => {
    for (const change of [(text: string) => text.slice(0, -2), () => "", () => "v1,", (text: string) => text.toUpperCase()]) {
      const headers = Object.fromEntries(
        Object.entries(EXAMPLES[name].headers).map(([header, value]) => [header, /signature|hmac/.test(header) ? change(value) : value]),
      );
      expect(refusalOf(await verify(name, { headers }))).toMatch(/^(?:signature-wrong|signature-missing)$/);
    }
  });

  it.each(NAMES)("%s takes a secret that is being replaced", async (name) => {
    const other = name === "standard-webhooks" ? "whsec_c2VjcmV0LW9mLWFub3RoZXItZW5kcG9pbnQ=" : "other";
    expect(refusalOf(await verify(name, { secrets: [other, EXAMPLES[name].secret] }))).not.toBe("signature-wrong");
  });

  it.each(SIGNED_TIMES)("%s refuses a stale timestamp, and one from the future", async (name) => {
    const { at } = EXAMPLES[name];
    const told = refusalOf(await verify(name));
    expect(refusalOf(await verify(name, { now: at + 5 * MINUTE }))).toBe(told);
    expect(refusalOf(await verify(name, { now: at + 5 * MINUTE + 1 }))).toBe("timestamp-wrong");
    expect(refusalOf(await verify(name, { now: at - 5 * MINUTE - 1 }))).toBe("timestamp-wrong");
  });

  it("a body that was parsed and written again is refused", async () => {
    const { body } = EXAMPLES["standard-webhooks"];
    expect(refusalOf(await verify("standard-webhooks", { body: JSON.stringify(JSON.parse(body)) }))).toBe("signature-wrong");
  });
});

describe("Standard Webhooks", () => {
  const { secret, headers, body, at } = EXAMPLES["standard-webhooks"];

  it("signs the reference vector as it stands", async () => {
    expect(await signWebhook({ id: headers["webhook-id"]!, now: at + 999, body, secrets: [secret] })).toEqual(headers);
  });

  it("is understood by an SDK that verifies it", async () => {
    const now = systemClock.now();
    const signed = await signWebhook({ id: "msg_1", now, body: '{"type":"response.completed"}', secrets: [secret] });
    const { webhooks } = new OpenAI({ apiKey: "none", webhookSecret: secret });
    expect(await webhooks.unwrap('{"type":"response.completed"}', signed)).toEqual({ type: "response.completed" });
    await expect(webhooks.unwrap('{"type":"response.failed"}', signed)).rejects.toThrow(/signature/);
  });

  it("signs with every secret, and verifies with any", async () => {
    const other = "whsec_c2VjcmV0LW9mLWFub3RoZXItZW5kcG9pbnQ=";
    const signed = await signWebhook({ id: "msg_1", now: at, body, secrets: [other, secret] });
    expect(signed["webhook-signature"]!.split(" ")).toHaveLength(2);
    for (const one of [secret, other])
      expect(refusalOf(await verify("standard-webhooks", { headers: signed, secret: one }))).toBe("verified");
  });

  it("passes over signatures of versions that it does not know", async () => {
    const mixed = { ...headers, "webhook-signature": `v1a,AAAA v2,x ${headers["webhook-signature"]!}` };
    expect(refusalOf(await verify("standard-webhooks", { headers: mixed }))).toBe("verified");
  });

  it("refuses secrets that nobody should sign with, and never shows them", async () => {
    for (const weak of ["", "hunter2!", "whsec_c2hvcnQ="]) {
      await expect(signWebhook({ id: "a", now: 0, body: "", secrets: [weak], path: "callbacks.secret" })).rejects.toMatchObject({
        code: "config",
        path: "callbacks.secret",
        message: expect.not.stringContaining("hunter2") as string,
      });
    }
    await expect(signWebhook({ id: "a", now: 0, body: "", secrets: [] })).rejects.toMatchObject({ code: "config" });
  });
});

describe("Stripe", () => {
  it("verifies what Stripe's SDK signs", async () => {
    const payload = '{"id":"evt_2"}';
    const header = await Stripe.webhooks.generateTestHeaderStringAsync({ payload, secret: "whsec_x", timestamp: 1_700_000_000 });
    const delivery = { body: payload, secret: "whsec_x", headers: { "stripe-signature": header } };
    expect(await verify("stripe", delivery)).toMatchObject({ state: "verified", events: [{ id: "evt_2" }] });
  });

  it("takes any of several v1 signatures, and none of v0", async () => {
    const { headers } = EXAMPLES.stripe;
    const signature = headers["stripe-signature"]!;
    expect(refusalOf(await verify("stripe", { headers: { "stripe-signature": signature.replace("v1=", "v1=00,v1=") } }))).toBe("verified");
    expect(refusalOf(await verify("stripe", { headers: { "stripe-signature": signature.replace("v1=", "v0=") } }))).toBe("signature-wrong");
  });
});

describe("HubSpot", () => {
  const url = "https://example.com/hook?a=%2Fb%20c";
  const at = 1_790_000_000_000;

  function signed(events: unknown): Delivery {
    const body = JSON.stringify(events);
    const message = `POSThttps://example.com/hook?a=/b%20c${body}${at}`;
    const signature = createHmac("sha256", "s").update(message).digest("base64");
    return { secret: "s", url, at, body, headers: { "x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": String(at) } };
  }

  it("takes each event of a delivery by itself, whichever attempt it comes with", async () => {
    const [first, again] = await Promise.all([
      verify(
        "hubspot",
        signed([
          { eventId: 1, attemptNumber: 0 },
          { eventId: 2, attemptNumber: 0 },
        ]),
      ),
      verify("hubspot", signed([{ attemptNumber: 1, eventId: 2 }])),
    ]);
    if (first.state !== "verified" || again.state !== "verified") throw new Error("not verified");
    expect(first.events).toHaveLength(2);
    expect(first.events[0]!.id).not.toBe(first.events[1]!.id);
    expect(again.events[0]).toMatchObject({ id: first.events[1]!.id, fingerprint: first.events[1]!.fingerprint });
    expect(new TextDecoder().decode(first.events[0]!.content)).toBe('[{"eventId":1,"attemptNumber":0}]');
  });
});

describe("Slack", () => {
  function signed(body: string): Delivery {
    const at = 1_700_000_000_000;
    return {
      secret: "s",
      body,
      at,
      headers: { "x-slack-signature": `v0=${hex("s", `v0:1700000000:${body}`)}`, "x-slack-request-timestamp": "1700000000" },
    };
  }

  it("answers the handshake of a new URL", async () => {
    expect(await verify("slack", signed('{"type":"url_verification","challenge":"abc"}'))).toEqual({ state: "handshake", answer: "abc" });
  });

  it("takes events by their id, interactions by their trigger, anything else by what it says", async () => {
    const idOf = async (body: string): Promise<string> => {
      const told = await verify("slack", signed(body));
      return told.state === "verified" ? told.events[0]!.id : told.state;
    };
    expect(await idOf('{"type":"event_callback","event_id":"Ev1"}')).toBe("Ev1");
    expect(await idOf(`payload=${encodeURIComponent('{"trigger_id":"t1"}')}`)).toBe("t1");
    expect(await idOf("text=hello")).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("a plain HMAC", () => {
  const body = '{"event":{"id":"e-1"}}';
  const at = 1_700_000_000_000;
  const ask = (plain: PlainHmac, headers: Record<string, string>, now: number = at): Promise<Verification> =>
    verifyPlainHmac(plain, requestOf({ secret: "s", body, at, headers }), { secrets: ["s"], now, toleranceMs: MINUTE });

  it("is looked for where and in the form in which it is sent", async () => {
    const base64 = createHmac("sha512", "s").update(body).digest("base64");
    expect(await ask({ header: "X-Sig", id: { json: "event.id" } }, { "x-sig": hex("s", body) })).toMatchObject({
      events: [{ id: "e-1" }],
    });
    const other: PlainHmac = { header: "X-Sig", prefix: "sig=", encoding: "base64", hash: "sha512", id: { header: "X-Id" } };
    expect(await ask(other, { "x-sig": `sig=${base64}`, "x-id": "7" })).toMatchObject({ events: [{ id: "7" }] });
    expect(refusalOf(await ask(other, { "x-sig": base64, "x-id": "7" }))).toBe("signature-wrong");
    expect(refusalOf(await ask(other, { "x-sig": `sig=${base64}` }))).toBe("id-missing");
    expect(refusalOf(await ask({ header: "X-Sig", id: { json: "__proto__.constructor" } }, { "x-sig": hex("s", body) }))).toBe(
      "id-missing",
    );
  });

  it("signs the timestamp where there is one", async () => {
    const plain: PlainHmac = { header: "X-Sig", id: { json: "event.id" }, timestamp: { header: "X-Time", unit: "ms" } };
    const headers = { "x-sig": hex("s", `${at}.${body}`), "x-time": String(at) };
    expect(await ask(plain, headers)).toMatchObject({ state: "verified", events: [{ sentAt: at }] });
    expect(refusalOf(await ask(plain, headers, at + MINUTE + 1))).toBe("timestamp-wrong");
    expect(refusalOf(await ask(plain, { ...headers, "x-time": String(at + 1) }))).toBe("signature-wrong");
    expect(refusalOf(await ask(plain, { "x-sig": headers["x-sig"] }))).toBe("signature-missing");
  });
});
