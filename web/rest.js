// The page's code comes in two files: what a first visit needs, and the rest, which is loaded as soon as the page
// stands. Whoever calls a function of the rest before it is there waits for it: what happens is the same either way,
// to the bit. A development build is one file, and none of this does anything.

import { initSync } from "../../kubarium.js";

// What the first file exports: it has begun when anything here is called, and this begins nothing then.
const exports = () => initSync();
const missing = () => exports().rest_table && !exports().rest_loaded.value;
const address = () => new URL("kubarium_rest.wasm", document.baseURI).href;

// What `boot.js` has made ready of an earlier visit's.
const kept = () => globalThis.kubariumRest;

// What has come over the network and is not made ready yet.
let bytes;

// When the page has nothing else to do: making so much code ready takes what the first pods need.
const idle = () =>
  new Promise((done) => (self.requestIdleCallback ? requestIdleCallback(done, { timeout: 3_000 }) : setTimeout(done, 200)));

function link(module) {
  globalThis.kubariumRest = bytes = undefined;
  if (!missing()) return;
  new WebAssembly.Instance(module, { f: exports() });
  exports().rest_loaded.value = 1;
}

async function load(pause) {
  try {
    if (!missing()) return;
    if (kept()) return link(kept());
    const answer = await fetch(address());
    if (!answer.ok) throw new Error(answer.statusText);
    bytes = await answer.arrayBuffer();
    await idle();
    if (missing()) link(await WebAssembly.compile(bytes));
  } catch {
    // no network just now, perhaps: again, and again less often
    setTimeout(load, pause, Math.min(pause * 2, 60_000));
  }
}

// Loads the rest once the first frame is out. False: no frame will come, as nobody sees the page.
export function restSoon() {
  if (document.hidden) return false;
  if (missing()) requestAnimationFrame(() => setTimeout(load, 0, 1_000));
  return true;
}

// Loads the rest at once: in the middle of a call nothing can be waited for in another way.
export function restNow() {
  if (!missing()) return;
  if (kept()) return link(kept());
  if (bytes) return link(new WebAssembly.Module(bytes));
  performance.mark("rest-awaited");
  const request = new XMLHttpRequest();
  request.open("GET", address(), false);
  // bytes as the low halves of characters: a request that is waited for gives text only
  request.overrideMimeType("text/plain; charset=x-user-defined");
  request.send();
  if (request.status !== 200) throw new Error(`kubarium_rest.wasm: ${request.status}`);
  link(new WebAssembly.Module(Uint8Array.from(request.responseText, (c) => c.charCodeAt(0) & 255)));
}
