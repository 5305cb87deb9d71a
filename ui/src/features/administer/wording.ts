// The stem of an instrument, said above each item that belongs to it, as its paper form does.
import type { Form, FormItem } from "../../bindings/commands";

/** The stem that goes with an item; empty for items that stand by themselves. */
export function stemOf(item: FormItem, form: Form): string {
  return form.info.code && item.scored ? form.info.description : "";
}
