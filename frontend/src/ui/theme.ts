import { type Signal, signal } from "@preact/signals";

/** Whether what the app stands in is dark: notebooks say it each in their way. */
export function surroundingsAreDark(): boolean {
  const { body, documentElement: root } = document;
  const jupyter = body?.dataset.jpThemeLight;
  if (jupyter) return jupyter === "false";
  if (body?.classList.contains("vscode-dark") || body?.classList.contains("vscode-high-contrast"))
    return true;
  if (body?.classList.contains("vscode-light")) return false;
  const colab = root.getAttribute("theme");
  if (colab) return colab === "dark";
  if (root.classList.contains("dark")) return true;
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Follows the surroundings' theme. */
export function followSurroundings(): { dark: Signal<boolean>; stop: () => void } {
  const dark = signal(surroundingsAreDark());
  const update = (): void => {
    dark.value = surroundingsAreDark();
  };
  const observer = new MutationObserver(update);
  const attributes = {
    attributes: true,
    attributeFilter: ["class", "theme", "data-jp-theme-light"],
  };
  observer.observe(document.documentElement, attributes);
  observer.observe(document.body, attributes);
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", update);
  return {
    dark,
    stop: () => {
      observer.disconnect();
      media.removeEventListener("change", update);
    },
  };
}
