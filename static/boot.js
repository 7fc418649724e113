// Starts the page. It is a file of its own, and not a script inside index.html, because the content security policy
// allows no inline script.
import init from "./kubarium.js";

try {
  await init({ module_or_path: new URL("kubarium_bg.wasm", import.meta.url) });
  performance.mark("started");
  document.documentElement.dataset.started = "true";
  // Offline use; the page works the same without it.
  navigator.serviceWorker?.register("sw.js").catch(() => {});
} catch (error) {
  console.error(error);
  const note = document.getElementById("start-failed");
  if (note) note.hidden = false;
}
