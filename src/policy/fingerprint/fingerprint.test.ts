import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fingerprint, type FailureTraits } from "./fingerprint.ts";

const FAILURE: FailureTraits = {
  api: "crm",
  endpoint: "POST /contacts",
  kind: "permanent",
  status: 500,
  code: "INVALID_FIELD",
  message: "validation failed",
};

function of(message: string): string {
  return fingerprint({ ...FAILURE, message }).fingerprint;
}

describe("a fingerprint", () => {
  it("carries its version, so that old groups stay what they were when the rules change", () => {
    expect(fingerprint(FAILURE).fingerprint).toMatch(/^v1:[0-9a-f]{20}$/);
  });

  it("is pinned: version 1 makes these and no others", () => {
    expect(of("validation failed")).toBe("v1:4dbabc303ac849622eb4");
    expect(
      of('{"status":"error","message":"Property \\"emial\\" does not exist","correlationId":"5e1a6e0c-8d0e-4a3b-9c1d-2f3e4a5b6c7d"}'),
    ).toBe("v1:4eb510c798c9d14551ae");
  });

  it.each([
    ["numbers", "row 17 of 2,000 failed after 1.5 s", "row 9 of 31 failed after 20.25 s"],
    ["uuids", "no contact 5e1a6e0c-8d0e-4a3b-9c1d-2f3e4a5b6c7d", "no contact FFFFFFFF-0000-4A3B-9C1D-2F3E4A5B6C7D"],
    ["prefixed ids", "no such customer: cus_NffrFeUfNV2Hib", "no such customer: cus_9s6XKzkNRiz8i3"],
    ["long tokens", "job 01J9ZQ4C6M2T8V0XW3YB5D7FHK is gone", "job 01HXYZ0000AAAABBBBCCCCDDDD is gone"],
    ["hex", "object 507f1f77bcf86cd799439011 at 0xdeadbeef01", "object 507f191e810c19729de860ea at 0x00000000ab"],
    ["e-mail addresses", "ada@example.com is taken", "grace.hopper+navy@mail.example.org is taken"],
    ["URLs", "GET https://api.example.com/a/1?b=2 failed", "GET http://other.example/x failed"],
    ["double-quoted values", 'Property "emial" does not exist', 'Property "fistname" does not exist'],
    ["single-quoted values", "Unknown column 'emial' in field list", "Unknown column 'first name' in field list"],
    ["typographic quotes", "Das Feld „Straße“ fehlt", "Das Feld „Ort“ fehlt"],
    ["quotes inside JSON", '{"message":"Property \\"emial\\" is unknown"}', '{"message":"Property \\"fistname\\" is unknown"}'],
    ["instants", "locked until 2026-01-15T12:00:00Z", "locked until 2027-12-31T23:59:59.123Z"],
    ["addresses and ports", "connect ECONNREFUSED 10.0.0.1:443", "connect ECONNREFUSED 192.168.100.200:8443"],
    ["white space", "too\n  many\tcalls", " too many calls "],
  ])("does not see which %s a failure met", (_what, one, other) => {
    expect(of(one)).toBe(of(other));
  });

  it.each([
    ["words", "name is required", "email is required"],
    ["JSON names and values", '{"error":"INVALID_FIELD"}', '{"error":"DUPLICATE"}'],
    ["words around an apostrophe", "can't parse the name, don't retry", "can't parse the email, don't retry"],
  ])("tells %s apart", (_what, one, other) => {
    expect(of(one)).not.toBe(of(other));
  });

  it("tells API, endpoint, kind, status and code apart, and does not run them together", () => {
    const others: readonly FailureTraits[] = [
      { ...FAILURE, api: "billing" },
      { ...FAILURE, endpoint: "PATCH /contacts" },
      { ...FAILURE, kind: "transient" },
      { ...FAILURE, status: 400 },
      { ...FAILURE, status: undefined },
      { ...FAILURE, code: "OTHER" },
      { ...FAILURE, code: undefined },
      { ...FAILURE, api: "crm POST", endpoint: "/contacts" },
    ];
    expect(new Set([FAILURE, ...others].map((traits) => fingerprint(traits).fingerprint)).size).toBe(others.length + 1);
  });

  it("reads long messages by their beginning, however long the ids in it are", () => {
    const body = (id: string): string => `{"id":"${id}","errors":[${'{"message":"name is required"},'.repeat(200)}]}`;
    expect(of(body("1"))).toBe(of(body("12345678901234567890")));
  });

  it("has a title that says in one line what failed where", () => {
    expect(fingerprint(FAILURE).title).toBe("permanent 500 INVALID_FIELD on crm POST /contacts: validation failed");
    expect(fingerprint({ ...FAILURE, status: undefined, code: undefined, message: 'Property "emial"\nis unknown' }).title).toBe(
      "permanent on crm POST /contacts: Property <quoted> is unknown",
    );
    expect(fingerprint({ ...FAILURE, message: "x".repeat(5_000) }).title.length).toBeLessThan(140);
  });

  it("does not depend on the numbers and ids in any text", () => {
    const word = fc.constantFrom("name", "is", "required", "in", "row", "größe", "{", '"');
    const hex = fc.stringMatching(/^[0-9a-f]{7}[0-9]$/);
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }), fc.nat(), fc.nat(), hex, hex, (words, n, m, one, other) => {
        const text = words.join(" ");
        expect(of(`${text} ${n} ${one}.`)).toBe(of(`${text} ${m} ${other}.`));
      }),
    );
  });

  it("takes any text in bounded time", () => {
    for (const unit of ["a@", "'a", '"', "0x", "a_", "https://", '\\"', "1.1,", "aaaaaaaaaaaaaaaa1", "„"]) {
      expect(of(unit.repeat(200_000))).toMatch(/^v1:/);
    }
  });
});
