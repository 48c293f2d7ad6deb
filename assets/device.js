// Keeps on the device what works without network, for whoever is signed in (assets/sw.js shows it).
import { compareClock } from "./bar.js";
import { person } from "./drafts.js";
import { ABOUT, DAY, NAMES, OWN, QUEUE, VISIT, ownAbout, wipe } from "./own.js";

const PAGES_EVERY = 600_000; // ms
const NAMES_EVERY = 4 * 3_600_000; // ms: they weigh more, and change less
const TOKEN = /(name="csrf_token"[^>]*value=")[^"]*/g;
const build = () => document.querySelector("script[src]")?.src; // pages go with the files that they name

async function fetched(address) {
  const answer = await fetch(address, { redirect: "error" });
  if (!answer.ok) throw new Error(answer.statusText);
  return { text: await answer.text(), at: answer.headers.get("Date") };
}

const isMine = ({ text }) => text.includes(`data-person="${person}"`);

async function keepAll(namesAt) {
  const now = Date.now();
  const isStale = now - namesAt > NAMES_EVERY;
  const addresses = [DAY, VISIT, QUEUE, ...(isStale ? [NAMES] : [])];
  const answers = await Promise.all(addresses.map(fetched));
  compareClock(answers[0].at);
  if (!answers.slice(0, 3).every(isMine)) return; // somebody else has signed in meanwhile

  const cache = await caches.open(OWN);
  const keep = (address, text, type) => cache.put(address, new Response(text, { headers: { "Content-Type": type } }));
  // a token ends with its session: sending asks for a fresh one
  for (const [place, { text }] of answers.entries()) await keep(addresses[place], text.replace(TOKEN, "$1"), "text/html; charset=utf-8");
  // read with the names by the page without network; the worker keeps it
  const reader = /src="(\/static\/quick\.[^"]+)"/.exec(answers[1].text);
  if (reader) await fetched(reader[1]);
  const about = { person, kept_at: now, names_at: isStale ? now : namesAt, build: build() };
  await keep(ABOUT, JSON.stringify(about), "application/json");
  if (localStorage.getItem("person") !== person) await wipe(); // signed out meanwhile, in another tab
}

export async function startDevice() {
  if (!person || !("enters" in document.body.dataset) || !navigator.serviceWorker) return;
  try {
    let about = await ownAbout();
    if (about && about.person !== person) about = await wipe();
    await navigator.serviceWorker.register("/sw.js");
    const isFresh = about && about.build === build() && Date.now() - about.kept_at < PAGES_EVERY;
    if (!isFresh && (await navigator.serviceWorker.ready)) await keepAll(about?.names_at ?? 0);
  } catch {
    // without network, or where the browser keeps nothing
  }
}
