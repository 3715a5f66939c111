import type { ReactNode } from "react";
import type { Answer } from "../../api/client.ts";
import { JsonText } from "../../ui/json-text.tsx";

type StoredRequest = Answer<"GET /v1/operations/{id}">["request"];
export type Bytes = NonNullable<StoredRequest["body"]>;

/** The request as it was sent; credentials were never in it. */
export function RequestView({ request }: { readonly request: StoredRequest }): ReactNode {
  const headers = (request.headers ?? []).map(([name, value]) => `${name}: ${value}\n`).join("");
  return (
    <div className="stack-tight">
      <pre className="code-block">
        <strong>{request.method}</strong> {request.url}
        {headers !== "" && `\n${headers.trimEnd()}`}
      </pre>
      {request.body !== undefined && <BytesView bytes={request.body} />}
    </div>
  );
}

export function BytesView({ bytes }: { readonly bytes: Bytes }): ReactNode {
  if ("text" in bytes) return bytes.text === "" ? <p className="faint">An empty body.</p> : <JsonText text={bytes.text} />;
  return <pre className="code-block">{bytes.base64}</pre>;
}
