// The service worker. Files come from its cache; pages from the network, and without it those kept on the device.
/* global SHELL_FILES, SHELL_NAME */
import { DAY, OWN, QUEUE, VISIT, ownAbout, wipe } from "./own.js";

const SHELL = SHELL_NAME; // carries the hash of its files
const NO_PAGE = "/offline";
const NO_ANSWER = new Set([502, 503, 504]);
const LATER = /^\/static\/quick\.\w+\.js$/; // fetched with the names, after the first load
const TIMEOUT = 10_000; // ms that a page which is kept is waited for
const KEPT = [
  [/^\/(followups(\/\d+)?)?$/, DAY],
  [/^\/visits\/new$/, VISIT],
  [/^\/me\/queue$/, QUEUE],
];

addEventListener("install", (event) => {
  event.waitUntil(fillShell());
  skipWaiting();
});

addEventListener("activate", (event) => event.waitUntil(takeOver()));

async function fillShell() {
  const shell = await caches.open(SHELL);
  await shell.addAll(SHELL_FILES);
  for (const page of [NO_PAGE, QUEUE]) await shell.put(page, await fetch(page, { credentials: "omit" })); // nobody's
}

async function takeOver() {
  for (const name of await caches.keys()) if (name !== SHELL && name !== OWN) await caches.delete(name);
  await clients.claim();
}

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== location.origin) return;
  if (request.mode === "navigate" && request.method === "GET") event.respondWith(page(request, pathname));
  else if (request.method === "GET" && SHELL_FILES.includes(pathname)) event.respondWith(file(request));
  else if (LATER.test(pathname)) event.respondWith(fileOfNames(request));
  else if (request.mode === "navigate" && pathname === "/logout") event.waitUntil(wipe());
  else if (request.mode === "navigate" && pathname === "/login") event.respondWith(signIn(request));
});

const file = async (request) => (await caches.match(request, { cacheName: SHELL })) ?? fetch(request);

async function fileOfNames(request) {
  const shell = await caches.open(SHELL);
  const kept = await shell.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await shell.put(request, answer.clone());
  return answer;
}

// Whoever comes in next finds nothing of the one before.
async function signIn(request) {
  const answer = await fetch(request);
  if (answer.type === "opaqueredirect") await wipe();
  return answer;
}

async function page(request, pathname) {
  const kept = await keptPage(pathname);
  try {
    const answer = await (kept ? inTime(fetch(request)) : fetch(request));
    return kept && NO_ANSWER.has(answer.status) ? kept : answer;
  } catch {
    return kept ?? (await caches.match(pathname === QUEUE ? QUEUE : NO_PAGE, { cacheName: SHELL })) ?? Response.error();
  }
}

async function keptPage(pathname) {
  const address = KEPT.find(([pattern]) => pattern.test(pathname))?.[1];
  return address && (await ownAbout()) ? caches.match(address, { cacheName: OWN }) : undefined;
}

const inTime = (answer) => Promise.race([answer, new Promise((_, fail) => setTimeout(fail, TIMEOUT))]);
