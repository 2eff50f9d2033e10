import { type Mounted, mount } from "../app";
import type { Report } from "../report/contract";
import { embeddedReport } from "./embedded";
import type { Host } from "./host";
import { fetchReport, requestFrom } from "./served";
import { followHash, keepInHash } from "./state_in_hash";

let mounted: Mounted | undefined;

followHash(() => mounted?.store);
start().catch(fail);

async function start(): Promise<void> {
  const api = document.querySelector<HTMLMetaElement>('meta[name="microtome-api"]')?.content;
  if (api) show(await fetchReport(`${api}report`), servedBy(api));
  else {
    const report = await embeddedReport(document);
    if (!report) throw new Error("This page has no report in it.");
    show(report, page("file"));
  }
  acceptDrops();
  tellHeight();
}

function page(kind: "file" | "served"): Host {
  return {
    kind,
    // nobody listens
    emit: () => {},
    keepState: keepInHash,
    link: (text) => `${location.href.replace(/#.*/s, "")}${text && `#${text}`}`,
  };
}

function servedBy(api: string): Host {
  const refresh = (): Promise<Report> => fetchReport(`${api}report`);
  return { ...page("served"), request: requestFrom(api), refresh };
}

/** Shows a report in place of what is shown; where it is none, that stays. */
function show(report: Report, host: Host): void {
  const element = document.createElement("div");
  place().append(element);
  let shown: Mounted;
  try {
    shown = mount(element, report, host, location.hash);
  } catch (error) {
    element.remove();
    throw error;
  }
  mounted?.unmount();
  // what stood there at first is for readers without scripts
  place().replaceChildren(element);
  document.title = report.title;
  mounted = shown;
}

/** Shows a report's file that is dropped on the page. */
function acceptDrops(): void {
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) {
      open(file).catch((error: unknown) => {
        if (mounted) mounted.store.failure.value = `${file.name}: ${messageOf(error)}`;
      });
    }
  });
}

async function open(file: File): Promise<void> {
  const text = await file.text();
  // parsed like this, a page's scripts do not run
  const report = text.trimStart().startsWith("<")
    ? await embeddedReport(new DOMParser().parseFromString(text, "text/html"))
    : (JSON.parse(text) as Report);
  if (!report) throw new Error("there is no report in it");
  show(report, page("file"));
}

/** Tells the page around a frame how high this one's content is, so that nothing is cut off. */
function tellHeight(): void {
  if (parent === window) return;
  const tell = (): void => {
    const { bottom } = place().getBoundingClientRect();
    parent.postMessage({ microtomeHeight: Math.ceil(bottom + scrollY) }, "*");
  };
  new ResizeObserver(tell).observe(place());
  tell();
}

function place(): HTMLElement {
  return document.getElementById("microtome") ?? document.body;
}

function fail(error: unknown): void {
  const message = document.createElement("p");
  message.setAttribute("role", "alert");
  message.textContent = `The view could not be shown: ${messageOf(error)}`;
  place().prepend(message);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
