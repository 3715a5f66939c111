import { isHoldfastError } from "../../core/errors.ts";
import { errorAnswer, jsonAnswer } from "./answer.ts";
import type { Answer } from "./answer.ts";
import type { Ledger } from "./ledger.ts";
import type { Received } from "./received.ts";

/** Paths that belong to the server itself: no rule, limit or token touches them, and the ledger does not count them. */
const PREFIX = "/__holdfast/";

export function isControl(path: string): boolean {
  return path.startsWith(PREFIX);
}

/** Answers the control endpoints, for a test that runs in another process than the server. */
export function control(request: Received, ledger: Ledger, setRules: (rules: unknown) => void): Answer {
  switch (`${request.method} ${request.path.slice(PREFIX.length)}`) {
    case "GET ledger":
      return jsonAnswer(200, ledger.summary());
    case "GET effects":
      return jsonAnswer(200, effectsByEndpoint(ledger));
    case "GET requests":
      return jsonAnswer(200, ledger.requests(request.query.get("endpoint") ?? undefined));
    case "POST rules":
      return replaceRules(request, setRules);
    default:
      return errorAnswer(404, "NO_SUCH_ENDPOINT", `control endpoints are GET ${PREFIX}ledger, effects, requests, and POST ${PREFIX}rules`);
  }
}

function effectsByEndpoint(ledger: Ledger): Record<string, Record<string, number>> {
  const labels = Object.keys(ledger.summary().endpoints);
  return Object.fromEntries(labels.map((label) => [label, Object.fromEntries(ledger.effects(label))]));
}

/** The media type is asked for because a page of a browser cannot send it to a stranger without asking first. */
function replaceRules(request: Received, setRules: (rules: unknown) => void): Answer {
  if (!(request.header("content-type") ?? "").startsWith("application/json")) {
    return errorAnswer(415, "JSON_ONLY", "send the list of rules as application/json");
  }
  try {
    setRules(request.body);
  } catch (error) {
    if (!isHoldfastError(error, "config")) throw error;
    return errorAnswer(400, "CONFIG", error.message);
  }
  return { status: 204, headers: [], body: "" };
}
