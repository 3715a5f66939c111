import { confidenceOf, plural, type Advice } from "../advice.ts";
import type { EndpointHistory } from "../history.ts";
import { futileFailures } from "./permanent-errors.ts";
import type { LetterGroup } from "../letters.ts";

const LEAST_LETTERS = 3;
/** Reasons that pass: what is well again may be sent again. */
const PASSED = new Set(["exhausted", "budget", "expired"]);

/** What to do about dead letters of one cause. */
export function deadLetters(group: LetterGroup, history: EndpointHistory | undefined): readonly Advice[] {
  const { api, endpoint, reason, open, state, title, fingerprint, lastAt } = group;
  if (open < LEAST_LETTERS || state === "ignored") return [];
  const common = {
    id: `dead-letters ${fingerprint}`,
    kind: "dead-letters",
    ...{ api, endpoint },
    confidence: confidenceOf(open, 5, 20),
    numbers: { open },
  } as const;
  if (reason === "permanent") {
    return [
      {
        ...common,
        title: `${plural(open, "dead letter")} of one cause wait for other data, not for another try`,
        evidence: [
          `All were answered the same: ${title}.`,
          "Sent again as they are they are refused again: patch what is wrong with them, one first, or stop them where they come from.",
        ],
        command: `holdfast dlq replay --group ${fingerprint} --canary 1 --patch '{ … }'`,
      },
    ];
  }
  const { succeededAt } = history ?? {};
  if (history === undefined || !PASSED.has(reason) || succeededAt === undefined || succeededAt <= lastAt) return [];
  // What never succeeds on a retry does not on a replay.
  if (futileFailures(history).some(({ status, code = "" }) => title.includes(` ${status} `) && title.includes(code))) return [];
  return [
    {
      ...common,
      title: `${plural(open, "dead letter")} can go: the endpoint answers again`,
      evidence: [
        `They were given up (${reason}): ${title}.`,
        `The endpoint has succeeded since, last at ${new Date(succeededAt).toISOString()}.`,
      ],
      command: `holdfast dlq replay --group ${fingerprint} --canary 1`,
    },
  ];
}
