// Builds the screen; in development a bridge stands in for the window.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { bridge } from "./dev/bridge";

export default defineConfig({
  base: "./",
  plugins: [react(), bridge()],
  build: { outDir: "dist", sourcemap: false, target: "safari16", assetsInlineLimit: 0, chunkSizeWarningLimit: 900 },
  test: { environment: "jsdom" },
} as Parameters<typeof defineConfig>[0]);
