/** Hashes that Web Crypto makes an HMAC of. */
export type HmacHash = "SHA-256" | "SHA-512" | "SHA-1";

/** HMAC (RFC 2104) of a message, by the platform's own crypto. */
export async function hmac(
  secret: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
  hash: HmacHash = "SHA-256",
): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", await keyOf(secret, hash), message));
}

/** Whether it is the HMAC of the message; takes the same time for every wrong one of the right length. */
export async function isHmac(
  signature: Uint8Array<ArrayBuffer>,
  secret: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
  hash: HmacHash = "SHA-256",
): Promise<boolean> {
  return await crypto.subtle.verify("HMAC", await keyOf(secret, hash), signature, message);
}

function keyOf(secret: Uint8Array<ArrayBuffer>, hash: HmacHash): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", secret, { name: "HMAC", hash }, false, ["sign", "verify"]);
}
