import type { ComponentChildren } from "preact";

interface Props {
  /** Where it points, in pixels from the top left of the positioned element around it. */
  x: number;
  y: number;
  /** How wide that element is: a tip at its right end stands left of the point. */
  width: number;
  children: ComponentChildren;
}

/** What is told of the thing that is pointed at. */
export function Tip({ x, y, width, children }: Props) {
  const side = x > width / 2 ? { right: `${width - x + 12}px` } : { left: `${x + 12}px` };
  return (
    <div class="tip" role="tooltip" style={{ top: `${y}px`, ...side }}>
      {children}
    </div>
  );
}
