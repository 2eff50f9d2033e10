import { useLayoutEffect, useState } from "preact/hooks";

/** How near to the window, in pixels, something counts as in it. */
const NEAR = 200;

/** Whether an element is in sight or near to it; at first it is. */
export function useInView(element: { current: HTMLElement | null }): boolean {
  const [isIn, setIn] = useState(true);
  useLayoutEffect(() => {
    const target = element.current;
    if (!target) return;
    const observer = new IntersectionObserver(
      (entries) => setIn(entries.at(-1)?.isIntersecting ?? true),
      { rootMargin: `${NEAR}px 0px` },
    );
    observer.observe(target);
    return () => observer.disconnect();
  }, [element]);
  return isIn;
}
