// Keeps on the device what works without network, for whoever is signed in (assets/sw.js shows it).
import { compareClock } from "./bar.js";
import { person } from "./drafts.js";
import { DAY, NAMES, OWN, QUEUE, VISIT, ownNames, wipe } from "./own.js";

const EVERY = 600_000; // ms
const TOKEN = /(name="csrf_token"[^>]*value=")[^"]*/g;
const build = () => document.querySelector("script[src]")?.src; // pages go with the files that they name

async function fetched(address) {
  const answer = await fetch(address, { redirect: "error" });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer;
}

async function keepAll() {
  const pages = [DAY, VISIT, QUEUE];
  const answers = await Promise.all([NAMES, ...pages].map(fetched));
  const names = await answers.shift().json();
  compareClock(names.now);
  if (String(names.person) !== person) return;

  const texts = await Promise.all(answers.map((answer) => answer.text()));
  const cache = await caches.open(OWN);
  const keep = (address, text, type) => cache.put(address, new Response(text, { headers: { "Content-Type": type } }));
  // a token ends with its session: sending asks for a fresh one
  for (const [place, address] of pages.entries()) await keep(address, texts[place].replace(TOKEN, "$1"), "text/html; charset=utf-8");
  await keep(NAMES, JSON.stringify({ ...names, kept_at: Date.now(), build: build() }), "application/json");
  if (localStorage.getItem("person") !== person) await wipe(); // signed out meanwhile, in another tab
}

export async function startDevice() {
  if (!person || !("enters" in document.body.dataset) || !navigator.serviceWorker) return;
  try {
    const known = await ownNames();
    if (known && String(known.person) !== person) await wipe();
    await navigator.serviceWorker.register("/sw.js");
    const isFresh = known && String(known.person) === person && known.build === build() && Date.now() - known.kept_at < EVERY;
    if (!isFresh && (await navigator.serviceWorker.ready)) await keepAll();
  } catch {
    // without network, or where the browser keeps nothing
  }
}
