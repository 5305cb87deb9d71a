// Chooses the language of the screen.
import { ChevronDown, Languages } from "lucide-react";
import { language, languages, setLanguage, t, type Language } from "../lib/messages";

export function LanguageChoice() {
  return (
    <span className="input pick-language">
      <Languages className="icon" />
      <select aria-label={t("settings.language")} value={language()} onChange={(event) => setLanguage(event.target.value as Language)}>
        {Object.entries(languages).map(([code, name]) => <option key={code} value={code}>{name}</option>)}
      </select>
      <ChevronDown className="icon" />
    </span>
  );
}
