import type { Store } from "../state/store";

/** Keeps a state in the page's address, as far as the page may. */
export function keepInHash(text: string, isStep: boolean): void {
  const address = text ? `#${text}` : location.pathname + location.search;
  try {
    if (isStep) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  } catch {
    // a sandboxed frame has no history: the state lives in memory only
  }
}

/** Lets the app follow the page's address: links to it, and the way back. */
export function followHash(store: () => Store | undefined): void {
  const follow = (): void => store()?.readAddress(location.hash);
  addEventListener("hashchange", follow);
  addEventListener("popstate", follow);
}
