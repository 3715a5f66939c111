/** Secrets that are planted, and the forms in which one may lie about. */
import { randomBytes } from "node:crypto";

/** One of a kind: found by no accident, and long enough that no part of a text is taken for it. */
export function plant(kind: string): string {
  return `canary.${kind}.${randomBytes(18).toString("hex")}`;
}

/** A key of Standard Webhooks, which is base64. */
export function plantKey(): string {
  return `whsec_${randomBytes(24).toString("base64")}`;
}

/** As it is, and as somebody may have written it into a URL, a JSON text, a header of Basic, or a dump. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  // Within base64 a text stands in one of three ways, by what comes before it; the ends of each share their letters with neighbours.
  const inner = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .slice(before === 0 ? 0 : 4, -4),
  );
  return [secret, encodeURIComponent(secret), bytes.toString("hex"), bytes.toString("base64url"), ...inner];
}

/** Which of the secrets, by name, a text holds in any form. */
export function found(text: string, secrets: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(secrets).flatMap(([name, secret]) => (formsOf(secret).some((form) => text.includes(form)) ? [name] : []));
}
