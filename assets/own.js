// What is kept on the device for whoever signed in there last: a few pages, and the names that they may choose.
export const OWN = "own";
export const DAY = "/offline/day";
export const VISIT = "/offline/visit";
export const QUEUE = "/me/queue";
export const NAMES = "/offline/names";
export const ABOUT = "/offline/about"; // whose it is and since when; no page of the server
const KEPT_FOR = 14 * 86_400_000; // ms, since the server last knew them as signed in

export const wipe = async () => globalThis.caches?.delete(OWN);

async function read(address) {
  const answer = await globalThis.caches?.match(address, { cacheName: OWN });
  return answer ? answer.json() : null;
}

// Whose it is (`person`), and when it was kept; null where there is nothing, or nothing any more.
export async function ownAbout() {
  const about = await read(ABOUT);
  if (!about || Date.now() - about.kept_at <= KEPT_FOR) return about;
  await wipe();
  return null;
}

export const ownNames = async (person) => ((await ownAbout())?.person === person ? read(NAMES) : null);

// Who signed in here last and is not signed out: their queue is shown even while nobody is signed in.
export const owner = async () => document.body.dataset.person || ((await ownAbout())?.person ?? "");
