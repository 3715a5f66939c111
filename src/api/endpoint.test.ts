import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { deriveEndpoint, EndpointTable } from "./endpoint.ts";

describe("a derived endpoint", () => {
  test.each([
    ["/contacts/42", "/contacts/{id}"],
    ["/contacts/-42", "/contacts/{id}"],
    ["/contacts/1,2,33", "/contacts/{id}"],
    ["/crm/v3/objects/contacts/512", "/crm/v3/objects/contacts/{id}"],
    ["/runs/3f2504e0-4f89-41d3-9a0c-0305e82c3301/steps", "/runs/{id}/steps"],
    ["/runs/3F2504E0-4F89-41D3-9A0C-0305E82C3301", "/runs/{id}"],
    ["/commits/9fceb02d0ae598e95dc970b74767f19372d61af8", "/commits/{id}"],
    ["/documents/507f1f77bcf86cd799439011", "/documents/{id}"],
    ["/v1/customers/cus_NffrFeUfNV2Hib", "/v1/customers/{id}"],
    // One in twelve of Stripe's shorter ids has no digit.
    ["/v1/customers/cus_NhDgjkLmPqRsTu", "/v1/customers/{id}"],
    ["/v1/payment_intents/pi_3MtwBwLkdIwHu7ix28a3tqPa/confirm", "/v1/payment_intents/{id}/confirm"],
    ["/v1/checkout/sessions/cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4WRmzW0zWJO2znZKdVujZ0N0S22u", "/v1/checkout/sessions/{id}"],
    ["/v1/subscription_schedules/sub_sched_1Mr3YcLkdIwHu7ixjop3qtff", "/v1/subscription_schedules/{id}"],
    ["/v1/files/file-XjGxS3KTG0uNmNOK362iJua3", "/v1/files/{id}"],
    ["/v1/responses/resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b", "/v1/responses/{id}"],
    // Salesforce: 15 characters, and 18 with the checksum.
    ["/services/data/v60.0/sobjects/Account/001D000000IqhSL", "/services/data/v60.0/sobjects/Account/{id}"],
    ["/services/data/v60.0/sobjects/Account/001D000000IqhSLIAZ", "/services/data/v60.0/sobjects/Account/{id}"],
    ["/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/jobs/{id}"],
    ["/jobs/cjld2cjxh0000qzrmn831i7rn", "/jobs/{id}"],
    ["/jobs/V1StGXR8_Z5jdHi6B-myT", "/jobs/{id}"],
    ["/people/ada@example.com", "/people/{id}"],
    ["/people/ada%40example.com/mails", "/people/{id}/mails"],
    ["/admin/api/2024-01/orders/450789469.json", "/admin/api/2024-01/orders/{id}.json"],
    ["/v1/operations/42:cancel", "/v1/operations/{id}:cancel"],
    ["/data/Accounts(00000000-0000-0000-0000-000000000001)", "/data/Accounts({id})"],
    [`/verify/${"x".repeat(101)}`, "/verify/{id}"],
  ])("%s stands as %s", (path, expected) => {
    expect(deriveEndpoint("GET", path)).toBe(`GET ${expected}`);
  });

  test.each([
    "/",
    "/contacts",
    "/contacts/",
    "/contacts/search",
    "/v1/charges",
    "/services/data/v58.0/query",
    "/admin/api/2024-01/orders.json",
    "/crm/objects/2026-03/contacts/batch/upsert",
    "/v1/payment_intents",
    "/v1/billing_portal/sessions",
    "/subscriptions/set_next_charge_date",
    "/v1/chat/completions",
    "/v1/models/gpt-4o-mini",
    "/v1/models/gemini-2.0-flash:generateContent",
    "/oauth2authorizations",
    "/customer-lifecycle-transitions/internationalization",
    "/antidisestablishmentarianism",
    "/account_settings/defaultPaymentMethods",
    "/sobjects/Custom_Object__c",
    "/feedface",
    "/users/me",
    "/@types",
    "/users/@me",
  ])("the words of %s stay", (path) => {
    expect(deriveEndpoint("GET", path)).toBe(`GET ${path}`);
  });

  test("has its method in upper case, and no query", () => {
    expect(deriveEndpoint("post", "/contacts/42?token=secret")).toBe("POST /contacts/{id}");
    expect(deriveEndpoint("get", "/contacts#top")).toBe("GET /contacts");
    expect(deriveEndpoint("get", "")).toBe("GET /");
  });

  test("of any UUID, number, or hex is the same", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uuid(), fc.nat().map(String), fc.stringMatching(/^[0-9a-f]{16,64}$/)), (id) => {
        expect(deriveEndpoint("GET", `/contacts/${id}/notes`)).toBe("GET /contacts/{id}/notes");
      }),
    );
  });

  test("of any Salesforce id is the same", () => {
    // A key prefix of three, an instance of two, then a counter: there is always a digit, and a letter of the upper case in the checksum or the counter.
    const id = fc.stringMatching(/^0[0-9a-zA-Z]{2}D[0-9a-zA-Z]{11}(?:[A-Z0-5]{3})?$/);
    fc.assert(
      fc.property(id, (one) => {
        expect(deriveEndpoint("PATCH", `/sobjects/Lead/${one}`)).toBe("PATCH /sobjects/Lead/{id}");
      }),
    );
  });

  test("takes no longer for a path that was made to be slow", () => {
    const hostile = [
      "a".repeat(8_000),
      `${"a_".repeat(4_000)}!`,
      `${"a1".repeat(4_000)}!`,
      `${"@".repeat(4_000)} ${"@".repeat(4_000)}`,
      `${"-1,".repeat(3_000)}x`,
    ];
    for (const segment of hostile) expect(deriveEndpoint("GET", `/x/${segment}`)).toBe("GET /x/{id}");
    // One that is just short enough to be looked at.
    expect(deriveEndpoint("GET", `/${"a-".repeat(49)}!`)).toBe(`GET /${"a-".repeat(49)}!`);
  });

  test("never fails, and never has more segments than the path", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string()).map((segments) => `/${segments.join("/")}`),
        (path) => {
          expect(deriveEndpoint("GET", path).split("/").length).toBeLessThanOrEqual(Math.max(2, path.split("/").length));
        },
      ),
    );
  });
});

describe("the endpoints of an API", () => {
  test("templates win over what would be derived", () => {
    const table = new EndpointTable(["GET /contacts/{contactId}", "POST /crm/v3/objects/{objectType}/search"]);
    expect(table.of("GET", "/contacts/42")).toBe("GET /contacts/{contactId}");
    expect(table.of("GET", "/contacts/ada")).toBe("GET /contacts/{contactId}");
    expect(table.of("POST", "/crm/v3/objects/deals/search")).toBe("POST /crm/v3/objects/{objectType}/search");
    expect(table.of("POST", "/contacts/42")).toBe("POST /contacts/{id}");
  });

  test("the more literal template wins, in whatever order they stand", () => {
    const endpoints = ["GET /contacts/{id}", "GET /{kind}/search", "GET /contacts/search", "GET /{kind}/{id}"];
    for (const order of [endpoints, endpoints.toReversed()]) {
      const table = new EndpointTable(order);
      expect(table.of("GET", "/contacts/search")).toBe("GET /contacts/search");
      expect(table.of("GET", "/contacts/42")).toBe("GET /contacts/{id}");
      expect(table.of("GET", "/deals/search")).toBe("GET /{kind}/search");
      expect(table.of("GET", "/deals/42")).toBe("GET /{kind}/{id}");
    }
  });

  test("a parameter is one whole segment, and not an empty one", () => {
    const table = new EndpointTable(["GET /contacts/{id}"]);
    expect(table.of("GET", "/contacts/")).toBe("GET /contacts/");
    expect(table.of("GET", "/contacts/42/notes")).toBe("GET /contacts/{id}/notes");
  });

  test("method and query are taken as they should be", () => {
    const table = new EndpointTable(["POST /search"]);
    expect(table.of("post", "/search?page=2")).toBe("POST /search");
    expect(table.of("post", "/search?page=3")).toBe("POST /search");
  });

  test.each([
    ["contacts", "is not an endpoint"],
    ["/contacts", "is not an endpoint"],
    ["POST contacts", "is not an endpoint"],
    ["post /contacts", "is not an endpoint"],
    ["FETCH /contacts", "is not an endpoint"],
    ["POST /my contacts", "is not an endpoint"],
    ["POST /contacts?page=1", "query"],
    ["POST /contacts/{id", "braces"],
    ["POST /contacts/{}", "braces"],
    ["POST /contacts/{id}.json", "braces"],
    ["__proto__", "is not an endpoint"],
  ])("%s is refused, by its path", (endpoint, problem) => {
    const make = (): EndpointTable => new EndpointTable([endpoint], "apis.crm.endpoints");
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(expect.objectContaining({ path: `apis.crm.endpoints["${endpoint}"]`, message: expect.stringContaining(problem) }));
  });

  test("two templates for the same requests are refused", () => {
    expect(() => new EndpointTable(["GET /contacts/{id}", "GET /contacts/{contactId}"])).toThrow(/has no effect.*GET \/contacts\/\{id\}/);
    expect(() => new EndpointTable(["GET /contacts/{id}", "PUT /contacts/{id}", "GET /deals/{id}"])).not.toThrow();
  });

  test("twenty thousand different paths are named, and few of them kept", () => {
    const table = new EndpointTable([]);
    const long = "/x".repeat(1_000);
    const before = heapInUse();
    const names = new Set<string>();
    for (let index = 0; index < 20_000; index += 1) names.add(table.of("GET", `/contacts/${index}${index % 20 === 0 ? long : ""}`));
    expect(names.size).toBe(2);
    // All of them would take some four megabytes. The table is used afterwards, so that it is still there when it is weighed.
    expect(heapInUse() - before).toBeLessThan(1_500_000);
    expect(table.of("GET", "/contacts/1")).toBe("GET /contacts/{id}");
  });
});

function heapInUse(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}
