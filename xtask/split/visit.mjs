// A first visit in Chromium, for `cargo xtask dist --learn`: opens a page whose functions note that they ran, leaves it
// alone for a while, at a desk and on a phone, and writes the numbers of those that did.
//   node visit.mjs SITE OUT CHROMIUM CHROMEDRIVER
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const [site, out, chromium, chromedriver] = process.argv.slice(2);
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html", ".css": "text/css" };
// long enough for the first scenario to come to rest
const SECONDS = 30;

const server = createServer((request, answer) => {
  const path = new URL(request.url, "http://localhost").pathname;
  try {
    const file = join(site, path === "/" ? "index.html" : path);
    const bytes = readFileSync(file);
    answer.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(bytes);
  } catch {
    answer.writeHead(404).end();
  }
}).listen(0, "127.0.0.1");

const port = 20_000 + (process.pid % 20_000);
const driver = spawn(chromedriver, [`--port=${port}`], { stdio: "ignore" });
async function call(method, path, body) {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body && JSON.stringify(body) });
  const { value } = await answer.json();
  if (!answer.ok) throw new Error(`${path}: ${value?.message}`);
  return value;
}

async function visit(width, height) {
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", `--window-size=${width},${height}`];
  const wanted = { browserName: "chrome", "goog:chromeOptions": { binary: chromium, args } };
  const { sessionId } = await call("POST", "/session", { capabilities: { alwaysMatch: wanted } });
  const session = `/session/${sessionId}`;
  await call("POST", `${session}/url`, { url: `http://127.0.0.1:${server.address().port}/` });
  await pause(SECONDS * 1000);
  const script = `const done = arguments[0];
    import(new URL("kubarium.js", document.baseURI)).then((m) => m.default()).then((wasm) => {
      // what the figures ask until there are pods must not load the rest
      window.__kubarium.live();
      const ran = [];
      new Uint8Array(wasm.profile.buffer).forEach((b, n) => b && ran.push(n));
      done(ran);
    });`;
  const ran = await call("POST", `${session}/execute/async`, { script, args: [] });
  await call("DELETE", session);
  return ran;
}

try {
  for (let tries = 0; ; tries++) {
    if (await call("GET", "/status").then((s) => s.ready, () => false)) break;
    if (tries > 100) throw new Error("no chromedriver");
    await pause(100);
  }
  const ran = new Set([...(await visit(1440, 900)), ...(await visit(412, 915))]);
  console.error(`${ran.size} functions ran`);
  writeFileSync(out, [...ran].sort((a, b) => a - b).join(","));
} finally {
  driver.kill();
  server.close();
}
