const found = import.meta.glob<string>("../**/*.css", {
  query: "?inline",
  import: "default",
  eager: true,
});

/** The styles of the whole app: each screen keeps its own beside it. */
export const styles = Object.values(found).join("\n");
