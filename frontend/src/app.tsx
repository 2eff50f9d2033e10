import { useComputed, useSignal } from "@preact/signals";
import { render } from "preact";
import { useCallback, useEffect, useId, useRef } from "preact/hooks";
import type { Host } from "./hosts/host";
import { formatTime } from "./logic/format";
import type { Report } from "./report/contract";
import { screensOf } from "./screens";
import type { Screen } from "./state/state";
import { Store } from "./state/store";
import { StoreContext, useShortcut, useStore } from "./state/use";
import { styles } from "./style";
import { Button } from "./ui/fields";
import { KeySheet } from "./ui/key_sheet";
import { Safe } from "./ui/safe";
import { Tabs } from "./ui/tabs";
import { followSurroundings } from "./ui/theme";

/** A mounted app. */
export interface Mounted {
  store: Store;
  unmount(): void;
}

/**
 * Shows a report in an element, in a shadow root that keeps other styles out.
 *
 * @param address the state to begin in; empty for the report's own
 */
export function mount(element: HTMLElement, report: Report, host: Host, address = ""): Mounted {
  const store = new Store(report, host, address);
  const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
  // or keys typed on a grid reach the notebook around it
  element.dataset.lmSuppressShortcuts = "true";
  const surroundings = followSurroundings();
  render(
    <StoreContext.Provider value={store}>
      <style>{styles}</style>
      <App surroundingsAreDark={surroundings.dark} />
    </StoreContext.Provider>,
    root,
  );
  return {
    store,
    unmount: () => {
      surroundings.stop();
      render(null, root);
    },
  };
}

function App({ surroundingsAreDark }: { surroundingsAreDark: { readonly value: boolean } }) {
  const store = useStore();
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const keysShown = useSignal(false);
  store.version.value;
  const screens = screensOf(store.model);
  const chosen = screens.find(({ id }) => id === store.state.value.v) ?? screens[0]!;
  const dark = useComputed(() => {
    const theme = store.state.value.theme;
    return theme ? theme === "dark" : surroundingsAreDark.value;
  });
  const View = chosen.view;
  useKeys(box);
  const showKeys = useCallback(() => {
    keysShown.value = true;
  }, [keysShown]);
  useShortcut("?", "show these keys", showKeys);
  useTabKeys(screens.map((screen) => screen.id));
  return (
    <div ref={box} class="app" data-theme={dark.value ? "dark" : "light"}>
      <header>
        <Title />
        <Tools dark={dark.value} onKeys={showKeys} />
        {keysShown.value && (
          <KeySheet
            onClose={() => {
              keysShown.value = false;
            }}
          />
        )}
      </header>
      {screens.length > 1 && (
        <Tabs screens={screens} chosen={chosen.id} id={id} onChoose={(v) => store.go(v)} />
      )}
      <Messages />
      <section
        id={`${id}-panel`}
        role={screens.length > 1 ? "tabpanel" : undefined}
        aria-labelledby={screens.length > 1 ? `${id}-tab-${chosen.id}` : undefined}
      >
        <Safe key={chosen.id}>
          <View />
        </Safe>
      </section>
    </div>
  );
}

function Title() {
  const { model, run } = useStore();
  const shown = run.value;
  const told = [shown?.name, formatTime(shown?.started)].filter(Boolean).join(" · ");
  return (
    <div class="title">
      <h1>{model.title}</h1>
      <span>{told}</span>
    </div>
  );
}

function Tools({ dark, onKeys }: { dark: boolean; onKeys(): void }) {
  const store = useStore();
  const copyLink = (): void => {
    const link = store.host.link(store.address);
    copy(link).then(
      () => store.say("Link copied"),
      () => store.say(link),
    );
  };
  return (
    <div class="tools">
      {store.host.refresh && (
        <Button quiet title="Read anew what there is" onClick={() => void store.refresh()}>
          Refresh
        </Button>
      )}
      <Button quiet onClick={copyLink}>
        Copy link
      </Button>
      <Button
        quiet
        title={dark ? "To light colours" : "To dark colours"}
        onClick={() => store.set({ theme: dark ? "light" : "dark" })}
      >
        Theme
      </Button>
      <Button quiet onClick={onKeys}>
        Keys
      </Button>
    </div>
  );
}

function Messages() {
  const { coming, failure, notice, model } = useStore();
  return (
    <>
      {failure.value && (
        <p class="failure" role="alert">
          {failure.value}
        </p>
      )}
      <p class="notice" role="status">
        {coming.value > 0 ? "Loading …" : notice.value}
      </p>
      {model.omitted.length > 0 && (
        <details class="omitted">
          <summary>Not shown here: {model.omitted.length}</summary>
          <ul>
            {model.omitted.slice(0, 100).map(({ slice, why }) => (
              <li key={slice + why}>{slice ? `${slice}: ${why}` : why}</li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

/** Keys of the whole app: those that parts of it registered. */
function useKeys(box: { current: HTMLElement | null }): void {
  const store = useStore();
  useEffect(() => {
    // a page is the app's own; in a notebook only keys typed in it are
    const target = store.host.kind === "widget" ? box.current! : document;
    const onKey = (event: Event): void => {
      const { key, ctrlKey, metaKey, altKey } = event as KeyboardEvent;
      const from = event.composedPath()[0];
      if (ctrlKey || metaKey || altKey || event.defaultPrevented || isTyping(from)) return;
      const shortcut = store.shortcuts.peek().findLast((one) => one.key === key);
      if (!shortcut) return;
      event.preventDefault();
      event.stopPropagation();
      shortcut.run();
    };
    target.addEventListener("keydown", onKey);
    return () => target.removeEventListener("keydown", onKey);
  }, [store, box]);
}

function useTabKeys(ids: readonly Screen[]): void {
  const store = useStore();
  const named = ids.join();
  useEffect(() => {
    const undo = named.split(",").map((id, index) => {
      const run = (): void => store.go(id as Screen);
      return store.shortcut({ key: String(index + 1), what: `to ${id}`, run });
    });
    return () => {
      for (const one of undo) one();
    };
  }, [store, named]);
}

function isTyping(element: EventTarget | undefined): boolean {
  if (!(element instanceof HTMLElement)) return false;
  if (element instanceof HTMLInputElement) return !["checkbox", "radio"].includes(element.type);
  return element.matches("select, textarea, [contenteditable]");
}

/** Puts a text on the clipboard; where the browser forbids it, it rejects. */
async function copy(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
}
