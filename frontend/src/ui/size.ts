import { useLayoutEffect, useState } from "preact/hooks";

/** The width of an element in CSS pixels, as it changes; `initial` until it is laid out. */
export function useWidth(element: { current: HTMLElement | null }, initial = 800): number {
  const [width, setWidth] = useState(initial);
  useLayoutEffect(() => {
    const target = element.current;
    if (!target) return;
    const measure = (): void => {
      if (target.clientWidth > 0) setWidth(target.clientWidth);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(target);
    return () => observer.disconnect();
  }, [element]);
  return width;
}
