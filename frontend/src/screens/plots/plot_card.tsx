import type { ComponentChildren } from "preact";
import { useStore } from "../../state/use";
import { Button } from "../../ui/fields";

interface Props {
  id: string;
  title: string;
  isLarge: boolean;
  /** Controls of this plot. */
  tools?: ComponentChildren;
  /** What it comes to, in words. */
  words?: ComponentChildren;
  isWide?: boolean;
  children: ComponentChildren;
}

/** One plot, with its title, its controls and its result in words. */
export function PlotCard({ id, title, isLarge, tools, words, isWide, children }: Props) {
  const store = useStore();
  return (
    <section class={isWide ? "plot-card card wide" : "plot-card card"} aria-label={title}>
      <div class="plot-head">
        <h2>{title}</h2>
        <Button
          quiet
          label={isLarge ? "Show all plots" : `Enlarge ${title}`}
          title={isLarge ? "Show all plots" : "Enlarge"}
          onClick={() => store.set({ p: isLarge ? "" : id })}
        >
          {isLarge ? "✕" : "⤢"}
        </Button>
      </div>
      {tools && <div class="plot-tools">{tools}</div>}
      {children}
      {words && <p class="plot-words">{words}</p>}
    </section>
  );
}

/** How high a chart is. */
export function heightOf(isLarge: boolean): number {
  return isLarge ? 440 : 230;
}
