import type { Report } from "../report/contract";
import { fromBase64 } from "../report/numbers";

const ID = "microtome-report";

/** The report that stands in a page; undefined where none does. */
export async function embeddedReport(page: Document): Promise<Report | undefined> {
  const element = page.getElementById(ID);
  if (!element) return undefined;
  const content = element.textContent ?? "";
  const text = element.dataset.encoding === "gzip" ? await unzip(content) : content;
  return JSON.parse(text) as Report;
}

async function unzip(base64: string): Promise<string> {
  const stream = new Blob([fromBase64(base64.trim())]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).text();
}
