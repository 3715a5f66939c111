/** Of any text, as UTF-8. */
export function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** `application/x-www-form-urlencoded`, of one value. */
export function formEncoded(value: string): string {
  return new URLSearchParams({ v: value }).toString().slice(2);
}
