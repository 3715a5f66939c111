import type { Random } from "../../ports/random.ts";
import { seededRandom } from "../../testing/seeded-random.ts";
import { COLUMNS, type Lead } from "./lead.ts";

/** What `examples/leads.csv` was made with. */
export const DEFAULT_SEED = 1;
export const DEFAULT_LEADS = 4_000;

/** One lead in this many has a text where the scoring API wants a number, and learns it as a 500. */
const UNSCORABLE_EVERY = 60;
/** One in this many has an address that the CRM does not take. */
const DISPOSABLE_EVERY = 180;

const FIRST_NAMES = [
  "Ada",
  "Grace",
  "Alan",
  "Edsger",
  "Barbara",
  "Donald",
  "Zoë",
  "Linus",
  "Margaret",
  "Ken",
  "Radia",
  "Søren",
  "Mary",
  "Tim",
];
const LAST_NAMES = [
  "Byron",
  "Hopper",
  "Turing",
  "O'Neill",
  "Liskov",
  "Knuth",
  "Müller",
  "Hamilton",
  "Perlman",
  "Kildall",
  "Jackson",
  "Lee",
];
const COMPANIES = [
  "Kelp & Sons",
  "Northwind",
  "Brown, Marsh and Co",
  'The "Blue" Door',
  "Tidewater Labs",
  "Granite Works",
  "Fjord Freight",
  "Lantern",
];
const COUNTRIES = ["DE", "FR", "GB", "NL", "NO", "PT", "US"];

/**
 * As many leads as asked for, the same for the same seed; a longer list begins with the shorter one. They are made up:
 * the domains are reserved for examples (RFC 2606).
 */
export function makeLeads(count: number, seed: number): readonly Lead[] {
  return Array.from({ length: count }, (_, index) => makeLead(index, seededRandom(`${seed} ${index}`)));
}

function makeLead(index: number, random: Random): Lead {
  const number = String(index + 1).padStart(4, "0");
  const firstName = pick(FIRST_NAMES, random);
  const lastName = pick(LAST_NAMES, random);
  const company = pick(COMPANIES, random);
  const domain = index % DISPOSABLE_EVERY === 41 ? "disposable.example" : `${plain(company)}.example`;
  return {
    id: `lead-${number}`,
    email: `${plain(firstName)}.${plain(lastName)}.${number}@${domain}`,
    firstName,
    lastName,
    company,
    country: pick(COUNTRIES, random),
    employees: index % UNSCORABLE_EVERY === 17 ? "n/a" : String(1 + Math.floor(random() ** 3 * 5_000)),
  };
}

function pick<Item>(items: readonly Item[], random: Random): Item {
  return items[Math.floor(random() * items.length)] as Item;
}

function plain(text: string): string {
  return text
    .normalize("NFKD")
    .replaceAll(/[^A-Za-z0-9 ]/g, "")
    .trim()
    .replaceAll(/\s+/g, "-")
    .toLowerCase();
}

/** The leads as a CSV file with a header (RFC 4180, with `\n` for line ends). */
export function toCsv(leads: readonly Lead[]): string {
  const rows = [COLUMNS.map(([column]) => column), ...leads.map((lead) => COLUMNS.map(([, field]) => lead[field]))];
  return rows.map((row) => `${row.map(quoted).join(",")}\n`).join("");
}

function quoted(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
