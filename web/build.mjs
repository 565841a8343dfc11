// Bundles the pages into web/dist: index.html (app.js, app.css), docs.html (docs.js), icon.svg. No network, no inline script.
import { build } from "esbuild";
import { cp, mkdir, rm } from "node:fs/promises";

await rm("dist", { recursive: true, force: true });
await mkdir("dist");
await build({
  entryPoints: { app: "src/main.ts", docs: "src/docs.ts" },
  bundle: true,
  minify: true,
  target: "es2022",
  outdir: "dist",
  legalComments: "none",
  logLevel: "warning",
});
await build({ entryPoints: ["src/app.css"], bundle: true, minify: true, outdir: "dist", logLevel: "warning" });
await cp("index.html", "dist/index.html");
await cp("docs.html", "dist/docs.html");
await cp("icon.svg", "dist/icon.svg");
