// Registers a person without a login.
import { t } from "../../lib/messages";
import { useAction } from "../../lib/queries";
import { go, to } from "../../lib/route";
import { PersonForm } from "./PersonForm";

export function Register({ name }: { name: string }) {
  const register = useAction("people.register");
  return (
    <>
      <div className="head"><div className="grow"><h1>{t("people.register")}</h1><p className="sub">{t("people.register_sub")}</p></div></div>
      <div className="body scroll">
        <PersonForm
          from={{ name, born: null, gender: null, email: null, phone: null, language: null, city: null, role: "patient" }} lookForSame action={t("people.register_do")}
          pending={register.isPending} error={register.error} onCancel={() => window.history.back()} onSave={(person) => register.mutate(person, { onSuccess: (made) => go(to.person(made.id)) })}
        />
      </div>
    </>
  );
}
