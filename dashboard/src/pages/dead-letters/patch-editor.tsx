import { useId, type ReactNode } from "react";
import { diffOf, type Patch } from "./patch.ts";

interface PatchEditorProps {
  /** The body of the first sample; undefined where it is no JSON. */
  readonly document: unknown;
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly patch: Patch | undefined;
  readonly error: string | undefined;
}

/** A merge patch, and what it does to the first sample. */
export function PatchEditor({ document, text, onText, patch, error }: PatchEditorProps): ReactNode {
  const id = useId();
  if (document === undefined) return <p className="soft">The body is no JSON, so it is sent again as it is.</p>;
  return (
    <div className="patch">
      <div className="labelled">
        <label htmlFor={id}>Patch of every body</label>
        <textarea
          id={id}
          className="field mono"
          rows={9}
          spellCheck={false}
          value={text}
          placeholder={'{ "field": "value", "taken away": null }'}
          aria-invalid={error !== undefined}
          aria-describedby={`${id}-hint`}
          onChange={(event) => onText(event.target.value)}
        />
        <p id={`${id}-hint`} className={error === undefined ? "hint" : "form-error"} role={error === undefined ? undefined : "alert"}>
          {error ?? "A JSON merge patch (RFC 7396). Leave it empty to send again what was sent. The idempotency key stays."}
        </p>
      </div>
      <figure className="labelled">
        <figcaption className="labelled-name">What it does to the first sample</figcaption>
        <pre className="code-block diff" tabIndex={0} aria-label="What the patch does to the first sample">
          {diffOf(document, patch).map(({ sign, text: line }, index) => (
            <span key={index} className={sign === "+" ? "diff-added" : sign === "-" ? "diff-removed" : "diff-same"}>
              {`${sign} ${line}\n`}
            </span>
          ))}
        </pre>
      </figure>
    </div>
  );
}
