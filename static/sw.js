// Keeps the page usable without a network, and whole: a built page bears a version of its own (`cargo xtask dist`
// writes it here), its files are kept together, and a newer version waits until the person lets it take over. While the
// page is developed the network is asked first.
const VERSION = "kubarium-dev";
const DEV = VERSION.endsWith("-dev");
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
      // The first one has nobody to wait for.
      if (DEV || !self.registration.active) await self.skipWaiting();
    })(),
  );
});

self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith("kubarium-") && name !== VERSION) await caches.delete(name);
      }
      await self.clients.claim();
      // Lessons last, by their index: nobody waits for them, and they are there without a network.
      const cache = await caches.open(VERSION);
      await cache.add("lessons/index.json").catch(() => {});
      const lessons = (await (await cache.match("lessons/index.json"))?.json()) ?? [];
      await Promise.allSettled(lessons.map((l) => cache.add(`lessons/${l.id}.yaml`)));
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
      const name = request.mode === "navigate" && url.pathname.endsWith("/") ? "./" : request;
      const kept = () => cache.match(name, { ignoreSearch: true });
      const first = DEV ? null : await kept();
      if (first) return first;
      try {
        const answer = await fetch(request);
        if (answer.ok) event.waitUntil(cache.put(name, answer.clone()));
        return answer;
      } catch (error) {
        const last = await kept();
        if (last) return last;
        throw error;
      }
    })(),
  );
});
