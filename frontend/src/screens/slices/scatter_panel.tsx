import type { ComponentChildren } from "preact";

export function ScatterPanel({ children }: { children: ComponentChildren }) {
  return <div class="controls">{children}</div>;
}
