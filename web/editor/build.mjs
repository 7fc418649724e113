// Builds dist/editor.js, one ES module that loader.js imports once the page stands; installs the locked packages when
// they are not there yet, so that `trunk serve` works from a fresh clone too.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const lock = readFileSync(join(here, "package-lock.json"), "utf8");
const stamp = join(here, "node_modules", ".kubarium-lock");
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const done = spawnSync(npm, ["ci", "--no-audit", "--no-fund", "--prefer-offline"], {
    cwd: here,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (done.status !== 0) process.exit(done.status ?? 1);
  writeFileSync(stamp, lock);
}

const { build } = await import("esbuild");
mkdirSync(join(here, "dist"), { recursive: true });
// CodeMirror's style-mod puts a <style> element into documents and uses constructed style sheets in shadow roots only.
// The page's content security policy forbids the former; constructed sheets it allows, wherever they exist.
const constructedSheets = {
  name: "constructed-sheets",
  setup(esbuild) {
    esbuild.onLoad({ filter: /style-mod[\\/]src[\\/]style-mod\.js$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      const condition = "!root.head && root.adoptedStyleSheets";
      if (!text.includes(condition)) throw new Error(`style-mod has changed: "${condition}" is not there`);
      return { contents: text.replace(condition, "root.adoptedStyleSheets"), loader: "js" };
    });
  },
};
// Write only what changed: the page is rebuilt when the bundle's time changes.
const result = await build({
  entryPoints: [join(here, "editor.js")],
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  plugins: [constructedSheets],
  write: false,
});
const out = join(here, "dist", "editor.js");
const text = result.outputFiles[0].text;
if (!existsSync(out) || readFileSync(out, "utf8") !== text) writeFileSync(out, text);
