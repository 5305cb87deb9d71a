// Builds the screen; in development a bridge stands in for the window.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { bridge } from "./dev/bridge.ts";

export default defineConfig({
  base: "./",
  plugins: [react(), bridge()],
  build: { outDir: "dist", sourcemap: false, target: "safari16", assetsInlineLimit: 0, chunkSizeWarningLimit: 900 },
  // Globals let the testing library clear the page after each test.
  test: { environment: "jsdom", globals: true },
} as Parameters<typeof defineConfig>[0]);
