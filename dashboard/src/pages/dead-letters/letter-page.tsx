import type { ReactNode } from "react";
import { useApi } from "../../api/use-api.ts";
import { PageHead } from "../../layout/page-head.tsx";
import { Link } from "../../router/link.tsx";
import { hrefOf } from "../../router/location.ts";
import { instant } from "../../time/format.ts";
import { useNow } from "../../time/use-now.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { Facts } from "../../ui/facts.tsx";
import { Labels } from "../../ui/labels.tsx";
import { count } from "../../ui/numbers.ts";
import { Read } from "../../ui/read.tsx";
import { LETTER } from "../../ui/states.ts";
import { groupWords, saidIn } from "./group-words.ts";
import { RequestView } from "../attempts/request-view.tsx";
import { reasonOf } from "../attempts/waterfall.ts";
import { Waterfall } from "../attempts/waterfall-view.tsx";

/** One dead letter: its request, and every attempt with its reason. */
export function LetterPage({ id }: { readonly id: string }): ReactNode {
  const now = useNow();
  const found = useApi("GET /v1/dead-letters/{id}", { params: { id } }, { everyMs: 5_000 });
  return (
    <Read of={found} head={<PageHead up={{ href: hrefOf(["dead-letters"]), title: "Dead letters" }} title={id} mono />}>
      {(letter) => (
        <>
          <PageHead
            up={{ href: hrefOf(["dead-letters", letter.fingerprint]), title: "Its group" }}
            title={saidIn(letter.attempts.at(-1)?.bodyExcerpt) ?? groupWords(letter).headline}
            chips={<Chip {...LETTER[letter.state]} />}
            about={reasonOf(letter.because)}
          />
          <div className="two-thirds">
            <div className="stack">
              <Card title="What happened">
                <Waterfall attempts={letter.attempts} now={now} />
              </Card>
              <Card title="Request">
                {letter.request === undefined ? (
                  <p className="soft">It was a call of a function, so only its owner can do it again.</p>
                ) : (
                  <RequestView request={letter.request} />
                )}
              </Card>
            </div>
            <Card title="About it">
              <Facts
                of={[
                  ["Id", <code key="id">{letter.id}</code>],
                  ["Reason", letter.reason],
                  [
                    "Lane",
                    <Link
                      key="lane"
                      className="link"
                      href={hrefOf(["lanes"], { api: letter.api, q: letter.endpoint })}
                    >{`${letter.api} ${letter.endpoint}`}</Link>,
                  ],
                  ["First attempt", instant(letter.firstAttemptAt)],
                  ["Died", instant(letter.diedAt)],
                  ["Replays", count(letter.replays)],
                  ["Idempotency key", letter.idempotencyKey === undefined ? undefined : <code key="key">{letter.idempotencyKey}</code>],
                  ["Labels", Object.keys(letter.labels).length === 0 ? undefined : <Labels key="labels" of={letter.labels} />],
                  ["Note", letter.note],
                  ["In doubt", letter.doubt],
                ]}
              />
            </Card>
          </div>
        </>
      )}
    </Read>
  );
}
