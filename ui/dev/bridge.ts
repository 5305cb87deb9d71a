// Development only: passes the screen's commands to a `gladstone rpc` process, so that screens can
// be worked on in a browser. Never part of the built product.
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Plugin } from "vite";

export function bridge(): Plugin {
  let child: ChildProcessWithoutNullStreams | undefined;
  let next = 0;
  const waiting = new Map<number, (line: string) => void>();
  const start = () => {
    const program = process.env.GLADSTONE_BIN ?? "../target/debug/gladstone";
    child = spawn(program, ["rpc", "--no-keyring", "--vaults", process.env.GLADSTONE_VAULTS ?? join(tmpdir(), "gladstone-dev")]);
    createInterface({ input: child.stdout }).on("line", (line) => {
      const id = (JSON.parse(line) as { id: number }).id;
      waiting.get(id)?.(line);
      waiting.delete(id);
    });
    child.on("exit", () => (child = undefined));
  };
  return {
    name: "gladstone-bridge",
    apply: "serve",
    configureServer(server) {
      server.middlewares.use("/__rpc", (request, response) => {
        let body = "";
        request.on("data", (chunk: Buffer) => (body += chunk.toString()));
        request.on("end", () => {
          if (!child) start();
          const { name, request: argument } = JSON.parse(body) as { name: string; request: unknown };
          const id = ++next;
          waiting.set(id, (line) => response.setHeader("content-type", "application/json").end(line));
          child?.stdin.write(`${JSON.stringify({ id, command: name, request: argument })}\n`);
        });
      });
      server.httpServer?.on("close", () => child?.kill());
    },
  };
}
