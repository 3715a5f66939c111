import { expect, it } from "vitest";
import { groupWords } from "./group-words.ts";

const at = { api: "crm", endpoint: "POST /contacts" };

it("a group is named by what the other side said, whole or cut", () => {
  expect(
    groupWords({
      ...at,
      title: 'permanent 422 on crm POST /contacts: {"error":{"code":"DISPOSABLE_ADDRESS","message":"disposable addresses are not t…',
    }),
  ).toEqual({
    headline: "disposable addresses are not t…",
    what: "permanent 422 DISPOSABLE_ADDRESS",
    where: "crm POST /contacts",
  });
  expect(groupWords({ ...at, title: "permanent 500 INVALID_FIELD on crm POST /contacts: validation failed" })).toEqual({
    headline: "validation failed",
    what: "permanent 500 INVALID_FIELD",
    where: "crm POST /contacts",
  });
});

it("what cannot be taken apart stays as it is", () => {
  expect(groupWords({ ...at, title: "something else" }).headline).toBe("something else");
  expect(groupWords({ ...at, title: 'permanent 500 on crm POST /contacts: {"detail":1' }).headline).toBe('{"detail":1');
});
