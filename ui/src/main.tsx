// Starts the screen.
import "@fontsource-variable/inter/opsz.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { Mishap } from "./app/Mishap";
import { language, setLanguage } from "./lib/messages";
import { client } from "./lib/queries";
import "./lib/theme";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/screens.css";
import "./styles/calendar.css";
import "./styles/review.css";

setLanguage(language());
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Mishap>
        <QueryClientProvider client={client}><App /></QueryClientProvider>
      </Mishap>
    </StrictMode>,
  );
}
