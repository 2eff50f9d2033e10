import type { ComponentChildren } from "preact";

export function MatrixPanel({ children }: { children: ComponentChildren }) {
  return <div class="controls">{children}</div>;
}
