import { Check, ClipboardCopy, Gauge, Lightbulb, ShieldCheck, Sparkles, type LucideIcon } from "lucide-react";
import { useState, type ReactNode } from "react";
import type { Item } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { PageHead } from "../../layout/page-head.tsx";
import { useFilter } from "../../router/location.ts";
import { instant } from "../../time/format.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { Chip, type ChipLook } from "../../ui/chip.tsx";
import { AllWell } from "../../ui/empty.tsx";
import { Select } from "../../ui/fields.tsx";
import { plural } from "../../ui/numbers.ts";
import { Read } from "../../ui/read.tsx";

type Advice = Item<"GET /v1/advice">;

const CONFIDENCE: Readonly<Record<Advice["confidence"], ChipLook>> = {
  high: { tone: "good", icon: ShieldCheck, word: "sure" },
  medium: { tone: "info", icon: Gauge, word: "likely" },
  low: { tone: "idle", icon: Sparkles, word: "a hint" },
};

const KINDS: Readonly<Record<Advice["kind"], string>> = {
  "permanent-error": "an error that no retry mends",
  "rate-limit": "a limit to set",
  breaker: "the breaker's times",
  "retry-span": "how long retries go on",
  attempts: "how often it is tried",
  timeout: "timeouts",
  idempotency: "keys of writes",
  "nested-retries": "two retry loops",
  "dead-letters": "dead letters to send again",
};

/** What the history of attempts speaks for. */
export function AdvicePage(): ReactNode {
  const [api, setApi] = useFilter("api");
  const advice = useApi("GET /v1/advice", {}, { everyMs: 60_000 });
  return (
    <>
      <PageHead title="Advice" about="What the history of attempts speaks for, each with its numbers and the line to paste." />
      <Read of={advice}>
        {({ items, basis }) => {
          const apis = [...new Set(items.map((one) => one.api))].sort();
          const shown = items.filter((one) => api === "" || one.api === api);
          return (
            <>
              <div className="filters">
                <Select
                  label="API"
                  value={api}
                  onChange={setApi}
                  options={[["", "Every API"], ...apis.map((one) => [one, one] as const)]}
                />
                <span className="faint">
                  drawn from {plural(basis.attempts, "attempt")} at {plural(basis.endpoints, "endpoint")}
                  {basis.since !== null && `, since ${instant(basis.since)}`}
                </span>
              </div>
              {shown.length === 0 ? (
                <Card>
                  <AllWell title="Nothing to advise">
                    Either all is set as it should be, or there is not enough history yet to say more.
                  </AllWell>
                </Card>
              ) : (
                shown.map((one) => <AdviceCard key={one.id} advice={one} />)
              )}
            </>
          );
        }}
      </Read>
    </>
  );
}

function AdviceCard({ advice }: { readonly advice: Advice }): ReactNode {
  const { kind, api, endpoint, confidence, title, evidence, config, command, caution } = advice;
  return (
    <Card className="advice">
      <div className="advice-head">
        <span className="attention-icon tone-accent">
          <Lightbulb size={14} aria-hidden />
        </span>
        <div className="cell-two">
          <h2>{title}</h2>
          <span>
            {KINDS[kind]} · <span className="mono">{endpoint === undefined ? api : `${api} ${endpoint}`}</span>
          </span>
        </div>
        <Chip {...CONFIDENCE[confidence]} title={`confidence: ${confidence}`} />
      </div>
      <ul className="evidence">
        {evidence.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      {config !== undefined && <Paste name={`in the config, under ${config.under}`} text={config.line} icon={ClipboardCopy} />}
      {command !== undefined && <Paste name="on the command line" text={command} icon={ClipboardCopy} />}
      {caution !== undefined && <p className="notice tone-warn">{caution}</p>}
    </Card>
  );
}

const TOLD_MS = 1_500;

function Paste({ name, text, icon }: { readonly name: string; readonly text: string; readonly icon: LucideIcon }): ReactNode {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), TOLD_MS);
  };
  return (
    <div className="paste">
      <span className="faint">{name}</span>
      <Button look="quiet" icon={copied ? Check : icon} onClick={() => void copy()} aria-label={`Copy what stands ${name}`}>
        {copied ? "Copied" : "Copy"}
      </Button>
      <pre className="code-block">{text}</pre>
    </div>
  );
}
