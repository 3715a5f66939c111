import react from "@vitejs/plugin-react";
import { defineConfig, type UserConfig } from "vite";

const config: UserConfig = defineConfig({
  plugins: [react()],
  build: {
    emptyOutDir: true,
    // Every asset is a file of its own: the pages' policy lets no data: URL and no inline code through.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1_000,
  },
  // `npm run dashboard:dev`: the pages as they are edited, over a gateway on its usual port.
  server: { proxy: { "/v1": "http://127.0.0.1:4180", "/openapi.json": "http://127.0.0.1:4180" } },
});

export default config;
