import { KeyRound } from "lucide-react";
import { useState, type SubmitEvent, type ReactNode } from "react";
import iconUrl from "../design/icon.svg";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/fields.tsx";

interface SignInProps {
  readonly onToken: (token: string) => void;
  readonly busy: boolean;
  readonly error: Error | null;
}

/** Asks for a token. It is traded for a session at once, and kept nowhere. */
export function SignIn({ onToken, busy, error }: SignInProps): ReactNode {
  const [token, setToken] = useState("");
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    onToken(token.trim());
  };
  return (
    <main className="sign-in">
      <form className="sign-in-card" onSubmit={submit}>
        <img src={iconUrl} alt="" width={36} height={36} />
        <h1>Sign in to Holdfast</h1>
        <p className="soft">This gateway asks for a token with the scope “read”; to act on what you see, also “operate”.</p>
        <TextField label="Token" type="password" value={token} onChange={setToken} required placeholder="hf_…" />
        {error !== null && (
          <p role="alert" className="form-error">
            {error.message}
          </p>
        )}
        <Button type="submit" look="primary" icon={KeyRound} busy={busy} disabled={token.trim() === ""}>
          Sign in
        </Button>
        <p className="hint">
          The session lasts twelve hours at most, and ends with the token. Tokens are made by POST /v1/tokens or stand in the config.
        </p>
      </form>
    </main>
  );
}
