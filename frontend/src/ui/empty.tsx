import type { ComponentChildren } from "preact";

/** What stands where there is nothing to show: why, and what to do. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}
