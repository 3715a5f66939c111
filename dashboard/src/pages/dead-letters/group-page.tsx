import type { ReactNode } from "react";
import { useListing, useApi } from "../../api/use-api.ts";
import { PageHead } from "../../layout/page-head.tsx";
import { hrefOf, useFilter } from "../../router/location.ts";
import { instant } from "../../time/format.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { Facts } from "../../ui/facts.tsx";
import { count } from "../../ui/numbers.ts";
import { Read } from "../../ui/read.tsx";
import { GROUP, REGRESSED } from "../../ui/states.ts";
import { groupWords, saidIn } from "./group-words.ts";
import { GroupActions } from "./group-actions.tsx";
import { LetterList } from "./letter-list.tsx";
import { Mend } from "./mend.tsx";
import { RunCard } from "./run-card.tsx";

/** One group: look at samples, mend what is wrong with them, try one, then send all. */
export function GroupPage({ fingerprint }: { readonly fingerprint: string }): ReactNode {
  const group = useApi("GET /v1/dead-letters/groups/{fingerprint}", { params: { fingerprint } }, { everyMs: 5_000 });
  const open = useListing("GET /v1/dead-letters", { fingerprint, state: "open" });
  const [run, setRun] = useFilter("run");
  return (
    <Read of={group} head={<PageHead up={{ href: hrefOf(["dead-letters"]), title: "Dead letters" }} title={fingerprint} mono />}>
      {(read) => (
        <>
          <PageHead
            up={{ href: hrefOf(["dead-letters"]), title: "Dead letters" }}
            title={saidIn(read.samples[0]?.attempts.at(-1)?.bodyExcerpt) ?? groupWords(read).headline}
            about={
              <>
                {groupWords(read).what} <span className="mono">{groupWords(read).where}</span>
              </>
            }
            chips={
              <>
                <Chip {...GROUP[read.state]} />
                {read.regressed && <Chip {...REGRESSED} />}
              </>
            }
            actions={<GroupActions group={read} />}
          />
          <Card>
            <Facts
              of={[
                ["Open", count(read.open)],
                ["All", count(read.total)],
                ["Reason", read.reason],
                ["API", read.api],
                ["First", instant(read.firstAt)],
                ["Last", instant(read.lastAt)],
                ["Fingerprint", <code key="fingerprint">{read.fingerprint}</code>],
              ]}
            />
          </Card>
          {run !== "" && <RunCard id={run} group={read} onClose={() => setRun("")} />}
          {open.items.length > 0 && <Mend group={read} letters={open.items} onRun={setRun} />}
          <LetterList fingerprint={fingerprint} />
        </>
      )}
    </Read>
  );
}
