// Where the person is: a path behind the hash. Links are made here and nowhere else.
import { useSyncExternalStore } from "react";

export const to = {
  today: () => "#/today",
  people: () => "#/people",
  register: (name = "") => `#/people/new?name=${encodeURIComponent(name)}`,
  person: (id: string) => `#/people/${id}`,
  questionnaires: (person = "") => `#/questionnaires${person && `?person=${person}`}`,
  administer: (response: string) => `#/administer/${response}`,
  result: (response: string) => `#/result/${response}`,
  alerts: () => "#/alerts",
  alert: (id: string, back = "") => `#/alerts/${id}${back && `?back=${encodeURIComponent(back)}`}`,
  records: (entity = "", id = "", by = "") => `#/records${entity && `/${entity}`}${id && `/${id}`}${by && `?by=${by}`}`,
  calendar: (date = "", open = "", book = "") => `#/calendar${date && `/${date}`}${open && `?open=${open}`}${book && `?book=${book}`}`,
  review: (id = "", decided = false) => `#/review${decided ? "/decided" : "/open"}${id && `/${id}`}`,
  sync: () => "#/sync",
  settings: () => "#/settings",
};

export interface Route {
  parts: string[];
  query: URLSearchParams;
}

export function go(hash: string): void {
  window.location.hash = hash;
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(
    (changed) => {
      window.addEventListener("hashchange", changed);
      return () => window.removeEventListener("hashchange", changed);
    },
    () => window.location.hash,
  );
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").filter(Boolean), query: new URLSearchParams(query) };
}
