// Plays sessions in WebAssembly and compares the hashes of their worlds with those that stand in a file:
// `node compare.mjs DIRECTORY-OF-THE-MODULE NATIVE.txt`.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const [directory, file] = process.argv.slice(2);
const { play } = createRequire(import.meta.url)(resolve(directory, "kubarium_session.js"));
const sessions = readFileSync(file, "utf8").split(/^session /m).slice(1);
let failed = 0;
for (const session of sessions) {
  const [head, ...rest] = session.split("\n");
  const [seed, steps] = head.split(" ").map(Number);
  const native = rest.filter(Boolean);
  const wasm = play(seed, steps).split("\n").filter(Boolean);
  const at = native.findIndex((line, i) => line !== wasm[i]);
  if (at >= 0 || native.length !== steps || wasm.length !== steps) {
    failed++;
    console.error(`session ${seed} differs at input ${at}: natively ${native[at]}, in WebAssembly ${wasm[at]}`);
  }
}
console.log(`test result: ${failed ? "FAILED" : "ok"}. ${sessions.length - failed} passed; ${failed} failed; sessions natively and in WebAssembly`);
process.exit(failed || sessions.length === 0 ? 1 : 0);
