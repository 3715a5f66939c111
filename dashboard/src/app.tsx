import type { ReactNode } from "react";
import { PageHead } from "./layout/page-head.tsx";
import { Shell } from "./layout/shell.tsx";
import { AdvicePage } from "./pages/advice/advice-page.tsx";
import { AlertsPage } from "./pages/alerts/alerts-page.tsx";
import { AuditPage } from "./pages/audit/audit-page.tsx";
import { GroupPage } from "./pages/dead-letters/group-page.tsx";
import { GroupsPage } from "./pages/dead-letters/groups-page.tsx";
import { LetterPage } from "./pages/dead-letters/letter-page.tsx";
import { LanePage } from "./pages/lanes/lane-page.tsx";
import { LanesPage } from "./pages/lanes/lanes-page.tsx";
import { OperationPage } from "./pages/operations/operation-page.tsx";
import { OperationsPage } from "./pages/operations/operations-page.tsx";
import { OverviewPage } from "./pages/overview/overview-page.tsx";
import { PipelinePage } from "./pages/pipelines/pipeline-page.tsx";
import { PipelinesPage } from "./pages/pipelines/pipelines-page.tsx";
import { RunPage } from "./pages/pipelines/run-page.tsx";
import { SyncPage } from "./pages/syncs/sync-page.tsx";
import { SyncsPage } from "./pages/syncs/syncs-page.tsx";
import { Link } from "./router/link.tsx";
import { useLocation } from "./router/location.ts";
import { Card } from "./ui/card.tsx";
import { Empty } from "./ui/empty.tsx";

export function App(): ReactNode {
  const { segments } = useLocation();
  // By its path, so that a page that was left keeps nothing for the next.
  return (
    <Shell>
      <Page key={segments.join("/")} segments={segments} />
    </Shell>
  );
}

function Page({ segments: [page = "", id, inner] }: { readonly segments: readonly string[] }): ReactNode {
  switch (page) {
    case "":
      return <OverviewPage />;
    case "lanes":
      return id === undefined ? <LanesPage /> : <LanePage id={id} />;
    case "operations":
      return id === undefined ? <OperationsPage /> : <OperationPage id={id} />;
    case "dead-letters":
      if (id === undefined) return <GroupsPage />;
      return inner === undefined ? <GroupPage fingerprint={id} /> : <LetterPage id={inner} />;
    case "syncs":
      return id === undefined ? <SyncsPage /> : <SyncPage name={id} />;
    case "pipelines":
      if (id === undefined) return <PipelinesPage />;
      return inner === undefined ? <PipelinePage name={id} /> : <RunPage pipeline={id} id={inner} />;
    case "advice":
      return <AdvicePage />;
    case "alerts":
      return <AlertsPage />;
    case "audit":
      return <AuditPage />;
    default:
      return (
        <>
          <PageHead title="Nothing here" />
          <Card>
            <Empty
              title="There is no such page"
              action={
                <Link className="button" href="/">
                  To the overview
                </Link>
              }
            >
              The address may be of a newer dashboard than this one.
            </Empty>
          </Card>
        </>
      );
  }
}
