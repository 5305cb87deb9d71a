// Administers a questionnaire. Every answer is saved when it is given; one item a page for
// respondents, a compact list for staff.
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Administration, DeskError, FormItem } from "../../bindings/commands";
import { t } from "../../lib/messages";
import { useAnswer } from "../../lib/queries";
import { go, to } from "../../lib/route";
import { asError, rpc } from "../../lib/rpc";
import { Answer } from "../../parts/States";
import { CompactList } from "./CompactList";
import { OneItem } from "./OneItem";

export type Given = Record<string, { value: unknown; status: string }>;

/** What the two ways to administer share. */
export interface Run {
  state: Administration;
  given: Given;
  /** When the last answer was saved; undefined while one that was given is not saved yet. */
  savedAt: string | undefined;
  error: DeskError | undefined;
  answer: (item: FormItem, value: unknown) => void;
  decline: (item: FormItem) => void;
  show: (item: FormItem) => void;
  finish: () => void;
  /** Items that must be answered before the end, when that was tried. */
  missing: string[];
  finishWithMissing: () => void;
}

export function Administer({ id }: { id: string }) {
  const state = useAnswer("responses.state", { id });
  return <Answer query={state}>{(data) => <Running key={data.id} first={data} />}</Answer>;
}

function Running({ first }: { first: Administration }) {
  const cache = useQueryClient();
  const [given, setGiven] = useState<Given>(() => Object.fromEntries(first.answers.map((answer) => [answer.question_id, answer])));
  const [savedAt, setSavedAt] = useState<string | undefined>(first.saved_at ?? undefined);
  const [error, setError] = useState<DeskError>();
  const [missing, setMissing] = useState<string[]>([]);
  // What the desk has, to return to when an answer cannot be saved.
  const [stored, setStored] = useState(given);
  const lately = useRef(stored);
  const queue = useRef(Promise.resolve());
  const alert = useRef<string>(undefined);
  const [compact, setCompact] = useState(first.mode === "paper_key_in" || first.mode === "telephone");
  const id = first.id;
  useEffect(() => () => void cache.invalidateQueries(), [cache]);
  useEffect(() => {
    if (first.status === "completed") go(to.result(id));
  }, [first.status, id]);
  // Saves follow one another, so that the last answer given is the last one saved.
  const save = useCallback((work: () => Promise<void>) => {
    queue.current = queue.current.then(work).then(() => setError(undefined), (thrown: unknown) => setError(asError(thrown)));
  }, []);
  const keep = (item: FormItem, value: unknown, status: string) => {
    const entry = { value, status };
    setGiven((all) => ({ ...all, [item.question_id]: entry }));
    setMissing((all) => all.filter((one) => one !== item.question_id));
    save(async () => {
      try {
        const saved = status === "declined" ? await rpc("responses.decline", { id, question_id: item.question_id }) : await rpc("responses.answer", { id, question_id: item.question_id, value });
        lately.current = { ...lately.current, [item.question_id]: entry };
        setStored(lately.current);
        setSavedAt(saved.saved_at);
        if (saved.alert && saved.alert.id !== alert.current) {
          alert.current = saved.alert.id;
          go(to.alert(saved.alert.id, to.administer(id)));
        }
      } catch (thrown) {
        // What could not be saved is not shown as given, unless another answer took its place.
        setGiven((all) => {
          if (all[item.question_id] !== entry) return all;
          const { [item.question_id]: _, ...rest } = all;
          const before = lately.current[item.question_id];
          return before ? { ...rest, [item.question_id]: before } : rest;
        });
        throw thrown;
      }
    });
  };
  const end = (with_missing: boolean) => save(async () => {
    try {
      await rpc("responses.complete", { id, with_missing });
      await cache.invalidateQueries();
      go(to.result(id));
    } catch (thrown) {
      if (asError(thrown).code !== "incomplete") throw thrown;
      setMissing(first.form.items.filter((item) => item.required && !given[item.question_id]).map((item) => item.question_id));
    }
  });
  const isSaved = Object.entries(given).every(([question, entry]) => stored[question] === entry);
  const run: Run = {
    state: first, given, savedAt: isSaved ? savedAt : undefined, error, missing,
    answer: (item, value) => keep(item, value, "given"),
    decline: (item) => keep(item, null, "declined"),
    show: (item) => save(async () => void (await rpc("responses.position", { id, question_id: item.question_id }))),
    finish: () => end(false),
    finishWithMissing: () => end(true),
  };
  const switchView = () => setCompact(!compact);
  return compact ? <CompactList run={run} onSwitch={switchView} /> : <OneItem run={run} onSwitch={switchView} title={t("administer.for", { name: first.person?.name ?? "" })} />;
}
