// Starts the page. It is a file of its own, and not a script inside index.html, because the content security policy
// allows no inline script.
import init from "./kubarium.js";

try {
  await bringRest();
  await init({ module_or_path: new URL("kubarium_bg.wasm", import.meta.url) });
  performance.mark("started");
  document.documentElement.dataset.started = "true";
  // Offline use; the page works the same without it.
  navigator.serviceWorker?.register("sw.js").then(watch, () => {});
} catch (error) {
  console.error(error);
  const note = document.getElementById("start-failed");
  if (note) note.hidden = false;
}

// On a later visit the second file of the page's code is kept already. It is made ready before the page starts: without
// a network nobody could wait for it in the middle of a call (`web/rest.js`), as such a request passes by the worker.
async function bringRest() {
  try {
    if (!navigator.serviceWorker?.controller) return;
    const kept = await caches.match("kubarium_rest.wasm");
    if (kept) globalThis.kubariumRest = await WebAssembly.compile(await kept.arrayBuffer());
  } catch {
    // it comes over the network then
  }
}

// A newer version waits until the person wants it: the page says so, and begins anew when it is told to.
function watch(registration) {
  const told = (worker) => {
    if (worker?.state !== "installed" || !navigator.serviceWorker.controller) return;
    document.documentElement.dataset.update = "ready";
    window.dispatchEvent(new Event("kubarium-update"));
  };
  told(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const worker = registration.installing;
    worker?.addEventListener("statechange", () => told(worker));
  });
  window.addEventListener("kubarium-reload", () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
    if (registration.waiting) registration.waiting.postMessage("take over");
    else location.reload();
  });
  // A page that stays open for days hears of new versions too.
  setInterval(() => registration.update().catch(() => {}), 3_600_000);
}
