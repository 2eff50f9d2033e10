import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  title: string;
  children: ComponentChildren;
  onClose(): void;
}

const FOCUSABLE = "input, select, textarea, button, [tabindex='0']";

/**
 * A small window over the place where it is put. It takes the focus, gives it back at the end, and
 * closes at Escape or at a click beside it. Not modal: the page beneath shows what is changed.
 */
export function Dialog({ title, children, onClose }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  close.current = onClose;
  // before anything is painted: the next key may be Escape
  useLayoutEffect(() => {
    const element = box.current!;
    const root = element.getRootNode() as Document | ShadowRoot;
    const before = root.activeElement as HTMLElement | null;
    element.querySelector<HTMLElement>(FOCUSABLE)?.focus();
    const outside = (event: Event): void => {
      const path = event.composedPath();
      if (!path.includes(element) && !(before && path.includes(before))) close.current();
    };
    document.addEventListener("pointerdown", outside, true);
    return () => {
      document.removeEventListener("pointerdown", outside, true);
      if (before?.isConnected) before.focus();
    };
  }, []);
  return (
    <div
      ref={box}
      class="dialog"
      role="dialog"
      aria-label={title}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          onClose();
        }
      }}
    >
      <div class="dialog-head">
        <strong>{title}</strong>
        <button type="button" class="button quiet" aria-label={`Close ${title}`} onClick={onClose}>
          ✕
        </button>
      </div>
      {children}
    </div>
  );
}
