// Keeps the page usable without a network. What is built bears fixed names, so the network is asked first and the
// kept copy answers when there is none: nobody is stuck with an old page, and nobody is without one. A new version of
// this file (the number below, and the list) drops what an older one kept.
const VERSION = "kubarium-3";
const FILES = [
  "./",
  "style.css",
  "boot.js",
  "kubarium.js",
  "kubarium_bg.wasm",
  "kubarium_rest.wasm",
  "editor.js",
  "schema-text.deflate",
  "manifest.webmanifest",
  "icons/icon.svg",
  "icons/icon-192.png",
  "icons/icon-512.png",
];

self.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(VERSION);
      // One by one: a file that is missing must not keep the others from being kept.
      const keep = (file) => cache.add(new Request(file, { cache: "no-cache" }));
      await Promise.allSettled(FILES.map(keep));
      // The modules that the page's own script imports have names that change with their content.
      const script = await (await cache.match("kubarium.js"))?.text();
      const imports = [...(script ?? "").matchAll(/from\s*['"]\.\/(snippets\/[^'"]+)['"]/g)].map((m) => m[1]);
      await Promise.allSettled(imports.map(keep));
      await self.skipWaiting();
    })(),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith("kubarium-") && name !== VERSION) await caches.delete(name);
      }
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  event.respondWith(
    (async () => {
      const cache = await caches.open(VERSION);
      const name = request.mode === "navigate" ? "./" : request;
      try {
        const answer = await fetch(request);
        if (answer.ok) event.waitUntil(cache.put(name, answer.clone()));
        return answer;
      } catch (error) {
        const kept = await cache.match(name, { ignoreSearch: true });
        if (kept) return kept;
        throw error;
      }
    })(),
  );
});
