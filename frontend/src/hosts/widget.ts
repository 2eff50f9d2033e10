import { mount } from "../app";
import type { Report } from "../report/contract";
import type { Host, Request } from "./host";

/** What of anywidget's model is used here. */
interface WidgetModel {
  get(name: "_report"): Report;
  get(name: "state"): string;
  set(name: "state", value: string): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, listener: (content: never) => void): void;
  off(event: string, listener: (content: never) => void): void;
}

interface Answer {
  type: string;
  id: number;
  report?: Report;
  error?: string;
}

interface Waiting {
  resolve(report: Report): void;
  reject(error: Error): void;
}

/** Shows the report of a notebook widget; returns what takes it away. */
function render({ model, el }: { model: WidgetModel; el: HTMLElement }): () => void {
  const { request, answered } = requests(model);
  let ours = "";
  const host: Host = {
    kind: "widget",
    request,
    emit: (name, data) => model.send({ type: "event", name, data }),
    keepState: (text) => {
      ours = text;
      model.set("state", text);
      model.save_changes();
    },
    link: (text) => `#${text}`,
  };
  const { store, unmount } = mount(el, model.get("_report"), host, model.get("state"));
  const onState = (): void => {
    // several views of one widget share the state; Python sets it too
    if (model.get("state") !== ours) store.readAddress(model.get("state"));
  };
  model.on("change:state", onState);
  model.on("msg:custom", answered);
  return () => {
    model.off("change:state", onState);
    model.off("msg:custom", answered);
    unmount();
  };
}

/** Requests to Python, and where their answers go. */
function requests(model: WidgetModel) {
  const waiting = new Map<number, Waiting>();
  let last = 0;
  return {
    request: (what: Request): Promise<Report> =>
      new Promise((resolve, reject) => {
        waiting.set(++last, { resolve, reject });
        model.send({ type: "request", id: last, what });
      }),
    answered: (content: Answer): void => {
      const one = content.type === "response" ? waiting.get(content.id) : undefined;
      if (!one) return;
      waiting.delete(content.id);
      if (content.report) one.resolve(content.report);
      else one.reject(new Error(content.error ?? "Python did not answer"));
    },
  };
}

export default { render };
