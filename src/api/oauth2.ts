import { responseOf } from "../core/response-of.ts";
import { ConfigError, CredentialError } from "../core/errors.ts";
import { parseHint } from "../policy/hints/parse-hint.ts";
import type { OAuth2Auth } from "./auth.ts";
import type { CredentialWorld } from "./credential-world.ts";
import { base64, formEncoded } from "./encodings.ts";
import { readSecret } from "./secret.ts";

/** A bearer token, and the monotonic instants at which it is worth replacing, and at which it is over. */
export interface BearerToken {
  readonly token: string;
  readonly staleAt: number;
  readonly expiresAt: number;
}

/** How long the endpoint may take. A call waits for it within its own timeout as well. */
const TIMEOUT_MS = 15_000;
/** Token answers are a few hundred bytes; more than this is no token answer. */
const MOST_CHARACTERS = 256 * 1_024;
/** Replaced so long before it is over, and no earlier than after nine tenths of a short life. */
const EARLY_MS = 60_000;
/** Not sent any more so shortly before it is over: it would be refused on its way. */
const MARGIN_MS = 5_000;

/** A token endpoint (RFC 6749 §3.2), asked in one of two ways. Who asks shares the answer; that is the credential's affair. */
export class TokenEndpoint {
  readonly #options: OAuth2Auth;
  readonly #path: string;
  /** The refresh token that the endpoint gave last, where it gives a new one each time. */
  #rotated: string | undefined = undefined;

  constructor(options: OAuth2Auth, path: string) {
    this.#options = options;
    this.#path = path;
  }

  /**
   * Asks for a token.
   *
   * @throws ConfigError where the endpoint refuses the client or its refresh token, which no repetition changes; CredentialError
   * where it cannot be reached, is busy or in trouble.
   */
  async token({ transport, clock }: CredentialWorld): Promise<BearerToken> {
    const { tokenUrl } = this.#options;
    const request = await this.#request();
    const stop = new AbortController();
    const timer = clock.setTimer(() => stop.abort(new DOMException("the token endpoint took too long", "TimeoutError")), TIMEOUT_MS);
    const askedAt = clock.monotonic();
    let answer: Response;
    let text: string;
    try {
      answer = responseOf(await transport(tokenUrl, { ...request, method: "POST", redirect: "manual", signal: stop.signal }));
      text = await textOf(answer);
    } catch (cause) {
      throw new CredentialError(`${this.#path}: the token endpoint ${tokenUrl} cannot be reached (${codeOf(cause)}); nothing was sent`);
    } finally {
      clock.clearTimer(timer);
    }
    if (!answer.ok) throw this.#refused(answer, text, clock.now());
    const { token, lifeMs, refreshToken } = this.#read(text);
    if (refreshToken !== undefined && this.#options.grant === "refresh-token") this.#keep(refreshToken);
    if (lifeMs === undefined) return { token, staleAt: Number.POSITIVE_INFINITY, expiresAt: Number.POSITIVE_INFINITY };
    return {
      token,
      staleAt: askedAt + Math.max(lifeMs * 0.9, lifeMs - EARLY_MS),
      expiresAt: askedAt + Math.max(lifeMs * 0.95, lifeMs - MARGIN_MS),
    };
  }

  async #request(): Promise<{ readonly headers: Headers; readonly body: string }> {
    const options = this.#options;
    const path = this.#path;
    const form = new URLSearchParams(options.parameters);
    if (options.scope !== undefined) form.set("scope", options.scope);
    if (options.grant === "client-credentials") {
      form.set("grant_type", "client_credentials");
    } else {
      form.set("grant_type", "refresh_token");
      form.set("refresh_token", await this.#refreshToken());
    }
    const headers = new Headers({ accept: "application/json", "content-type": "application/x-www-form-urlencoded" });
    const id = await readSecret(options.clientId, `${path}.clientId`);
    const secret = options.clientSecret === undefined ? undefined : await readSecret(options.clientSecret, `${path}.clientSecret`);
    if (secret !== undefined && options.clientAuth !== "body") {
      // Both are form-encoded first (RFC 6749 §2.3.1).
      headers.set("authorization", `Basic ${base64(`${formEncoded(id)}:${formEncoded(secret)}`)}`);
    } else {
      form.set("client_id", id);
      if (secret !== undefined) form.set("client_secret", secret);
    }
    return { headers, body: form.toString() };
  }

  /** The newest that is known: given in this process, kept by an earlier one, or the one to begin with. */
  async #refreshToken(): Promise<string> {
    if (this.#rotated !== undefined) return this.#rotated;
    const { keepIn, refreshToken } = this.#options as Extract<OAuth2Auth, { grant: "refresh-token" }>;
    const kept = keepIn === undefined ? undefined : files()?.read(keepIn);
    return kept ?? (await readSecret(refreshToken, `${this.#path}.refreshToken`));
  }

  /** Whole or not at all, and for nobody else to read: losing it would take somebody to agree once more. */
  #keep(refreshToken: string): void {
    const { keepIn } = this.#options as Extract<OAuth2Auth, { grant: "refresh-token" }>;
    const rotated = refreshToken !== this.#rotated;
    this.#rotated = refreshToken;
    if (keepIn === undefined || !rotated) return;
    const host = files();
    if (host === undefined)
      throw new ConfigError({ path: `${this.#path}.keepIn`, message: `${this.#path}.keepIn: there are no files here` });
    try {
      host.write(keepIn, refreshToken);
    } catch (cause) {
      throw new ConfigError({
        path: `${this.#path}.keepIn`,
        message: `${this.#path}.keepIn: ${keepIn} cannot be written (${codeOf(cause)}), so the new refresh token would be lost with this process; make its folder writable`,
        cause,
      });
    }
  }

  /** What an answer other than 2xx means. Its text may repeat the secrets it was asked with, so only its code is shown. */
  #refused(answer: Response, text: string, now: number): Error {
    const { status } = answer;
    const where = `${this.#path}: the token endpoint ${this.#options.tokenUrl}`;
    const code = errorCodeOf(text);
    const said = code === undefined ? `answered ${status}` : `answered ${status} ${code}`;
    if (status === 408 || status === 425 || status === 429 || status >= 500 || code === "temporarily_unavailable") {
      const retryAfterMs = parseHint(answer.headers, now)?.delayMs;
      return new CredentialError(`${where} ${said}; nothing was sent`, retryAfterMs === undefined ? {} : { retryAfterMs });
    }
    const advice =
      status >= 300 && status < 400 ? "it redirects, which is not followed with a secret; name where it leads" : ADVICE[code ?? ""];
    return new ConfigError({ path: this.#path, message: `${where} ${said}: ${advice ?? "see to the client's id, secret and scope"}` });
  }

  #read(text: string): { readonly token: string; readonly lifeMs: number | undefined; readonly refreshToken: string | undefined } {
    const fail = (problem: string): never => {
      throw new CredentialError(`${this.#path}: the answer of the token endpoint ${this.#options.tokenUrl} ${problem}; nothing was sent`);
    };
    const answer = objectOf(text) ?? fail("is no JSON object");
    const { access_token: token, token_type: type, expires_in: seconds, refresh_token: refreshToken } = answer;
    if (typeof token !== "string" || token === "") return fail("has no access_token");
    // Some leave it out, though it is required (RFC 6749 §5.1).
    if (type !== undefined && (typeof type !== "string" || type.toLowerCase() !== "bearer"))
      return fail("gives a token that is no bearer token");
    const life = typeof seconds === "string" && /^\d+$/.test(seconds) ? Number(seconds) : seconds;
    return {
      token,
      lifeMs: typeof life === "number" && Number.isFinite(life) && life > 0 ? life * 1_000 : undefined,
      refreshToken: typeof refreshToken === "string" && refreshToken !== "" ? refreshToken : undefined,
    };
  }
}

/** What to do about the codes of RFC 6749 §5.2. */
const ADVICE: Readonly<Record<string, string>> = {
  invalid_client: "it does not know the client, or not by this secret; see to clientId, clientSecret and clientAuth",
  invalid_grant: "the refresh token has run out or was withdrawn; get a new one where it was granted",
  unauthorized_client: "the client may not use this grant; see to grant",
  invalid_scope: "it does not give this scope; see to scope",
};

/** The text, as far as it is one of a token endpoint's; the rest of a longer one is not taken in. */
async function textOf({ body }: Response): Promise<string> {
  if (body === null) return "";
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = (await reader.read()) as ReadableStreamReadResult<Uint8Array>;
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    if (text.length <= MOST_CHARACTERS) continue;
    void reader.cancel().catch(() => undefined);
    return text;
  }
}

function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The `error` of RFC 6749 §5.2, if it looks like one. */
function errorCodeOf(text: string): string | undefined {
  const code = objectOf(text)?.["error"];
  return typeof code === "string" && /^[a-z_]{1,40}$/.test(code) ? code : undefined;
}

/** A fault by its code; its message may hold anything. */
function codeOf(cause: unknown): string {
  for (let current = cause, depth = 0; typeof current === "object" && current !== null && depth < 5; depth += 1) {
    const { code, name, cause: next } = current as { readonly code?: unknown; readonly name?: unknown; readonly cause?: unknown };
    if (typeof code === "string" && code !== "") return code;
    if (name === "TimeoutError") return `no answer within ${TIMEOUT_MS / 1_000} s`;
    current = next;
  }
  return "the connection failed";
}

interface Files {
  /** The text of a file, without its line end; undefined where there is none. */
  read(path: string): string | undefined;
  write(path: string, text: string): void;
}

interface FileSystem {
  readFileSync(path: string, encoding: "utf8"): string;
  writeFileSync(path: string, text: string, options: { readonly mode: number; readonly flush: boolean }): void;
  renameSync(from: string, to: string): void;
}

function files(): Files | undefined {
  const host = (globalThis as { process?: { getBuiltinModule?: (name: "node:fs") => FileSystem } }).process;
  const fs = host?.getBuiltinModule?.("node:fs");
  if (fs === undefined) return undefined;
  return {
    read(path) {
      try {
        const text = fs.readFileSync(path, "utf8").trim();
        return text === "" ? undefined : text;
      } catch (error) {
        if ((error as { readonly code?: string }).code === "ENOENT") return undefined;
        throw error;
      }
    },
    write(path, text) {
      fs.writeFileSync(`${path}.new`, `${text}\n`, { mode: 0o600, flush: true });
      fs.renameSync(`${path}.new`, path);
    },
  };
}
