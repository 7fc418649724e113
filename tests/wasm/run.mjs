// Runs a test binary of the core: `node run.mjs TESTS.wasm`. Its `main` is the standard test harness, which returns 0
// if every test passed; a failing test traps. It must import nothing: then it reaches for nothing of its host.
import { readFileSync } from "node:fs";
import { basename } from "node:path";

const file = process.argv[2];
// Cargo builds the tests of what goes with the core, too: they need a browser's glue and have nothing to say here.
if (!basename(file).startsWith("kubarium_core")) process.exit(0);
const module = new WebAssembly.Module(readFileSync(file));
const imports = WebAssembly.Module.imports(module);
if (imports.length > 0) {
  console.error("the core reaches for its host:", imports.map((i) => `${i.module}.${i.name}`).join(", "));
  process.exit(1);
}
const { exports } = new WebAssembly.Instance(module, {});
const start = performance.now();
let code = 1;
try {
  code = exports.main(0, 0);
} catch (error) {
  console.error(String(error?.stack ?? error).split("\n").slice(0, 12).join("\n"));
}
const seconds = ((performance.now() - start) / 1000).toFixed(2);
console.log(`test result: ${code === 0 ? "ok" : "FAILED"}. ${basename(file)} in WebAssembly; finished in ${seconds}s`);
process.exit(code === 0 ? 0 : 1);
