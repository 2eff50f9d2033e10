import type { Report } from "../report/contract";
import type { Request } from "./host";

/** Fetches a report from the server that the page came from. */
export async function fetchReport(address: string): Promise<Report> {
  const answer = await fetch(address, { credentials: "same-origin" });
  const content: unknown = await answer.json().catch(() => undefined);
  if (!answer.ok) throw new Error(errorOf(content) ?? `${answer.status} ${answer.statusText}`);
  return content as Report;
}

/** Asks a server for the parts of its report. */
export function requestFrom(api: string): (what: Request) => Promise<Report> {
  return (what) => fetchReport(`${api}${what.kind}?${query(what)}`);
}

function query(what: Request): URLSearchParams {
  switch (what.kind) {
    case "run":
      return new URLSearchParams({ id: what.run });
    case "series":
      return new URLSearchParams(what.slices.map((slice) => ["slice", slice]));
    default:
      return new URLSearchParams({ run: what.run, slice: what.slice });
  }
}

function errorOf(content: unknown): string | undefined {
  return (content as { error?: string } | undefined)?.error;
}
