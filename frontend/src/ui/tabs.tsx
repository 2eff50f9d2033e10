import type { ScreenSpec } from "../screens";
import type { Screen } from "../state/state";

interface Props {
  screens: readonly ScreenSpec[];
  chosen: Screen;
  /** The start of the ids by which tabs and panels know each other. */
  id: string;
  onChoose(screen: Screen): void;
}

/** The tabs; one stop of the tab key, arrows within. */
export function Tabs({ screens, chosen, id, onChoose }: Props) {
  const move = (event: KeyboardEvent): void => {
    const at = screens.findIndex((screen) => screen.id === chosen);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: screens.length - 1 }[
      event.key
    ];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const next = screens[(to + screens.length) % screens.length]!;
    onChoose(next.id);
    const list = event.currentTarget as HTMLElement;
    list.querySelector<HTMLElement>(`#${id}-tab-${next.id}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Screens" onKeyDown={move}>
      {screens.map((screen) => (
        <button
          key={screen.id}
          id={`${id}-tab-${screen.id}`}
          type="button"
          role="tab"
          aria-selected={screen.id === chosen}
          aria-controls={screen.id === chosen ? `${id}-panel` : undefined}
          tabIndex={screen.id === chosen ? 0 : -1}
          onClick={() => onChoose(screen.id)}
        >
          {screen.label}
        </button>
      ))}
    </div>
  );
}
