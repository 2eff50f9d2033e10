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
  words?: string | readonly string[];
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
      <Words words={typeof words === "string" ? [words] : (words ?? [])} isLarge={isLarge} />
    </section>
  );
}

/** So many lines stand under a small plot. */
const LINES = 3;

function Words({ words, isLarge }: { words: readonly string[]; isLarge: boolean }) {
  const shown = isLarge || words.length <= LINES ? words : words.slice(0, LINES - 1);
  return (
    <div class="plot-words">
      {shown.map((line) => (
        <p key={line}>{line}</p>
      ))}
      {shown.length < words.length && <p>… {words.length - shown.length} more: enlarge the plot</p>}
    </div>
  );
}

/** How high a chart is. */
export function heightOf(isLarge: boolean): number {
  return isLarge ? 440 : 230;
}
