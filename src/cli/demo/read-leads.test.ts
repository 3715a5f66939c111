import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DEFAULT_LEADS, DEFAULT_SEED, makeLeads, toCsv } from "./make-leads.ts";
import { readLeads } from "./read-leads.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-leads-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function read(text: string, most?: number): ReturnType<typeof readLeads> {
  const file = join(folder, "leads.csv");
  writeFileSync(file, text);
  return readLeads(file, most);
}

describe("the leads of the main job", () => {
  it("are what the generator makes, byte for byte", () => {
    const file = readFileSync(new URL("../../../examples/leads.csv", import.meta.url), "utf8");
    expect(file === toCsv(makeLeads(DEFAULT_LEADS, DEFAULT_SEED))).toBe(true);
  });

  it("are the same for the same seed, and a longer list begins with a shorter one", () => {
    expect(makeLeads(50, 7)).toEqual(makeLeads(100, 7).slice(0, 50));
    expect(makeLeads(50, 7)).not.toEqual(makeLeads(50, 8));
  });

  it("come back from a file as they went into it, commas, quotes and accents included", async () => {
    const leads = makeLeads(300, 1);
    const text = toCsv(leads);
    for (const part of ['"Brown, Marsh and Co"', '"The ""Blue"" Door"', "Müller"]) expect(text).toContain(part);
    expect(await read(text)).toEqual({ leads, refused: [] });
  });

  it("hold some that the APIs will not take, also in a short list", () => {
    const leads = makeLeads(60, 1);
    expect(leads.some(({ employees }) => employees === "n/a")).toBe(true);
    expect(leads.some(({ email }) => email.endsWith("@disposable.example"))).toBe(true);
  });
});

describe("a file of the user's own", () => {
  it("needs no column but email, in any order and spelling", async () => {
    const { leads } = await read("Company,E-Mail,Email,First Name,unknown\r\nKelp,x,Ada@Example.com,Ada,?\r\n");
    expect(leads).toMatchObject([{ id: "ada@example.com", email: "Ada@Example.com", company: "Kelp", firstName: "Ada", lastName: "" }]);
  });

  it("may begin with a byte order mark, have empty lines, and fields of several lines", async () => {
    const { leads, refused } = await read('\uFEFFemail,company\n\na@example.com,"Kelp\nand\nSons"\n\nb@example.com,x\n');
    expect(leads.map(({ company }) => company)).toEqual(["Kelp\nand\nSons", "x"]);
    expect(refused).toEqual([]);
  });

  it("is read no further than asked", async () => {
    const { leads, refused } = await read("email\na@example.com\nb@example.com\nnonsense\n", 1);
    expect([leads.length, refused]).toEqual([1, []]);
  });

  it("has every row that is no lead told by its line", async () => {
    const { leads, refused } = await read(
      [
        "id,email,company",
        "1,a@example.com,x",
        "2,,x",
        "3,not an address,x",
        "4,b@example.com",
        "5,c@example.com,x,y",
        '6,d@example.com,"two',
        'lines"',
        "1,e@example.com,x",
        "8,A@Example.com,x",
        '9,f@example.com,"quoted" then not, 7" wide',
        '9,f@example.com,"quoted" then not',
        "10,g@example.com,x",
        "",
      ].join("\n"),
    );
    expect(leads.map(({ id, company }) => [id, company])).toEqual([
      ["1", "x"],
      ["6", "two\nlines"],
      ["9", '"quoted" then not'],
      ["10", "x"],
    ]);
    expect(refused).toEqual([
      { line: 3, because: "it has no e-mail address" },
      { line: 4, because: '"not an address" is not an e-mail address' },
      { line: 5, because: "it has 2 fields and the header has 3" },
      { line: 6, because: "it has 4 fields and the header has 3" },
      { line: 9, because: "it is the same lead as line 2" },
      { line: 10, because: "it is the same lead as line 2" },
      { line: 11, because: "it has 4 fields and the header has 3" },
    ]);
  });

  it("has a quote that never closes told by its line, and the rows before it taken", async () => {
    const { leads, refused } = await read('email,company\na@example.com,x\nb@example.com,"never\nc@example.com,x\n');
    expect(leads.map(({ email }) => email)).toEqual(["a@example.com"]);
    expect(refused).toMatchObject([{ line: 3, because: expect.stringMatching(/^from here to the end the file is not CSV/) as string }]);
  });

  it("has it told how far a row runs that a stray quote made too long", async () => {
    const { leads, refused } = await read('email,company\nb@example.com,"never\nc@example.com,x"\nd@example.com,y\n');
    expect(leads.map(({ email }) => email)).toEqual(["b@example.com", "d@example.com"]);
    const cut = await read('email,company\nb@example.com,1,"never\nc@example.com,x"\nd@example.com,y\n');
    expect(cut.refused).toEqual([{ line: 2, because: "it has 3 fields and the header has 2 (it runs to line 3)" }]);
    expect([refused.length, cut.leads.length]).toEqual([0, 1]);
  });

  it.each([
    ["without such a column", "name\nAda\n", /has no column "email"/],
    ["that is empty", "", /has no rows/],
    ["without a lead", "email\nnonsense\n", /all 1 rows are refused: line 2/],
  ])("%s is refused", async (_, text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });

  it("that is not there is refused", async () => {
    await expect(readLeads(join(folder, "nope.csv"))).rejects.toThrow(/cannot be read: ENOENT/);
  });
});
