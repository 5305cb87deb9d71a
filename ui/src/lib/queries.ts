// Reading and writing through the desk with a cache that knows what each answer depends on.
import { QueryClient, useMutation, useQuery, type Query } from "@tanstack/react-query";
import { reads, type CommandName, type DeskError } from "../bindings/commands";
import { inWords } from "./labels";
import { useLanguage } from "./messages";
import { onEvent, rpc, type Request, type Response } from "./rpc";

export const client = new QueryClient({
  defaultOptions: { queries: { retry: false, staleTime: Infinity, refetchOnWindowFocus: false, networkMode: "always" }, mutations: { networkMode: "always" } },
});

onEvent((event) => {
  if (event.kind === "changed") refresh(event.entities);
  if (event.kind === "alarm") refresh([]);
  if (event.kind === "sync") askAgain((query) => query.queryKey[0] === "app.status" || /^(sync|files)\./.test(String(query.queryKey[0])));
  if (event.kind === "locked") forget();
});

/** Hides everything at once and begins anew: nothing that came from the vault stays in memory. */
export function forget(): void {
  document.body.hidden = true;
  window.location.reload();
}

/** Asks again for every answer that depends on one of the entities. */
export function refresh(entities: readonly string[]): void {
  askAgain((query) => {
    const depends = reads[query.queryKey[0] as CommandName] ?? [];
    return query.queryKey[0] === "app.status" || depends.some((entity) => entity === "*" || entities.includes(entity));
  });
}

/**
 * Asks again. A first answer that is still on its way is not waited for: it may tell how it stood before,
 * and nobody would ask again.
 */
function askAgain(predicate: (query: Query) => boolean = () => true): Promise<void> {
  void client.cancelQueries({ predicate });
  return client.invalidateQueries({ predicate });
}

/** The answer of a reading command, kept until something it depends on changes. */
export function useAnswer<K extends CommandName>(name: K, request: Request<K>, enabled = true) {
  useLanguage();
  return useQuery<Response<K>, DeskError>({ queryKey: [name, request], queryFn: () => rpc(name, request), select: inWords(name), enabled, placeholderData: (previous) => previous });
}

/** What was found for the words that stand there now; nothing while the answer is still on its way, so
 * that Enter never chooses from an answer to other words. */
export function fresh<T>(query: { data: T | undefined; isPlaceholderData: boolean }): T | undefined {
  return query.isPlaceholderData ? undefined : query.data;
}

/**
 * A command that does something. Everything on the screen is asked for again afterwards. `keep` gets
 * the answer before that, even when the screen that asked is gone by then.
 */
export function useAction<K extends CommandName>(name: K, keep?: (response: Response<K>) => void) {
  return useMutation<Response<K>, DeskError, Request<K>>({
    mutationFn: (request) => rpc(name, request),
    onSuccess: (response) => {
      keep?.(response);
      return askAgain();
    },
  });
}
