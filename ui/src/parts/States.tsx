// What a screen shows while it waits, when it failed, and when there is nothing yet.
import type { UseQueryResult } from "@tanstack/react-query";
import { Info, TriangleAlert } from "lucide-react";
import { createContext, useContext, useEffect, useState, type ReactNode } from "react";
import type { DeskError } from "../bindings/commands";
import { t } from "../lib/messages";

/** Still lines, and only after 300 ms, so that fast answers never flicker. */
export function Waiting({ lines = 6 }: { lines?: number }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 300);
    return () => clearTimeout(timer);
  }, []);
  if (!late) return null;
  return (
    <div className="body" role="status" aria-label={t("state.loading")}>
      <div className="card">{Array.from({ length: lines }, (_, at) => <div key={at} className="skeleton" />)}</div>
    </div>
  );
}

export function Failure({ error, retry }: { error: DeskError; retry?: () => void }) {
  return (
    <div className="banner attention" role="alert">
      <TriangleAlert className="icon icon-lg" />
      <div className="grow">
        <b>{t("state.failed")}</b>
        <p className="small">{error.message}</p>
      </div>
      {retry && <button className="btn sm" onClick={retry}>{t("state.retry")}</button>}
    </div>
  );
}

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

/** What stands in the place of records that may not be read after too long without contact. */
export const Closed = createContext<ReactNode>(null);

/** The answer of a query on a whole page: waiting, closed, failed, or drawn. */
export function Answer<T>({ query, children }: { query: UseQueryResult<T, DeskError>; children: (data: T) => ReactNode }) {
  const closed = useContext(Closed);
  if (closed && query.error?.code === "lease_over") return <>{closed}</>;
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) return <div className="body pad-top"><Failure error={query.error} retry={() => void query.refetch()} /></div>;
  return <Waiting />;
}

export function Note({ children }: { children: ReactNode }) {
  return (
    <div className="banner note">
      <Info className="icon icon-lg" />
      <div className="grow small">{children}</div>
    </div>
  );
}

export function Problem({ id, children }: { id?: string; children: ReactNode }) {
  return (
    <span className="err" id={id} role="alert">
      <TriangleAlert className="icon" />
      {children}
    </span>
  );
}
