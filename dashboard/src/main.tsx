import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { SessionGate } from "./api/session.tsx";
import { newQueryClient } from "./api/use-api.ts";
import { App } from "./app.tsx";
import { applyTheme } from "./design/theme.ts";
import { LiveProvider } from "./live/live-provider.tsx";

applyTheme();
const root = document.querySelector("#root");
if (root === null) throw new Error("index.html has lost its root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={newQueryClient()}>
      <SessionGate>
        <LiveProvider>
          <App />
        </LiveProvider>
      </SessionGate>
    </QueryClientProvider>
  </StrictMode>,
);
