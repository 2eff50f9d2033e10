import { defineConfig } from "vite";

// One source, two products: a classic script for pages, an ES module for anywidget. Each is a single
// file with its styles in it, so that nothing is fetched when it runs.
const formats = { page: "iife", widget: "es" } as const;

export default defineConfig(({ mode }) => {
  const product = mode === "widget" ? "widget" : "page";
  return {
    define: { "process.env.NODE_ENV": '"production"' },
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir: "../microtome/view/static",
      emptyOutDir: false,
      target: "es2023",
      minify: "oxc",
      reportCompressedSize: true,
      rollupOptions: {
        input: `src/hosts/${product}.ts`,
        preserveEntrySignatures: "strict",
        output: {
          format: formats[product],
          entryFileNames: `${product}.js`,
          codeSplitting: false,
        },
      },
    },
    test: { include: ["test/**/*.test.ts", "test/**/*.test.tsx"], environment: "node" },
  };
});
