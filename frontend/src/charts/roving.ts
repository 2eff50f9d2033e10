import { useState } from "preact/hooks";

/**
 * Lets one of many marks be a stop of the tab key, and arrows lead to the others.
 *
 * @param count how many marks there are
 * @param initial the mark that is the stop until another one was visited
 */
export function useRoving(count: number, initial = 0) {
  const [last, setLast] = useState(-1);
  const stop = Math.min(last >= 0 ? last : Math.max(0, initial), count - 1);
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = {
      ArrowRight: stop + 1,
      ArrowDown: stop + 1,
      ArrowLeft: stop - 1,
      ArrowUp: stop - 1,
      Home: 0,
      End: count - 1,
    }[event.key];
    if (to === undefined || to < 0 || to >= count) return;
    event.preventDefault();
    event.stopPropagation();
    setLast(to);
    const group = event.currentTarget as Element;
    group.querySelector<SVGElement>(`[data-mark="${to}"]`)?.focus();
  };
  return {
    onKeyDown,
    /** The attributes of a mark. */
    mark: (index: number) => ({
      "data-mark": index,
      // drawings know no tabIndex
      tabindex: index === stop ? 0 : -1,
      onFocusIn: () => setLast(index),
    }),
  };
}

/** Presses a mark with the keys that press buttons. */
export function onPress(press: () => void): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    press();
  };
}
