// The last net: a fault of the screen is told in words, and nothing saved depends on the screen.
import { Component, type ReactNode } from "react";
import { t } from "../lib/messages";

export class Mishap extends Component<{ children: ReactNode }, { error?: Error }> {
  override state: { error?: Error } = {};

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <div className="empty" role="alert">
        <h1>{t("mishap.title")}</h1>
        <p>{t("mishap.text")}</p>
        <button className="btn primary" onClick={() => { window.location.hash = ""; window.location.reload(); }}>{t("mishap.again")}</button>
        <p className="small">{this.state.error.message}</p>
      </div>
    );
  }
}
