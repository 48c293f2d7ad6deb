// What is kept on the device for whoever signed in there last: a few pages, and the names that they may choose.
export const OWN = "own";
export const DAY = "/offline/day";
export const VISIT = "/offline/visit";
export const QUEUE = "/me/queue";
export const NAMES = "/offline/names";
const KEPT_FOR = 14 * 86_400_000; // ms, since the server last knew them as signed in

export const wipe = async () => globalThis.caches?.delete(OWN);

// The names with whose they are (`person`) and since when (`kept_at`); null where there are none, or none any more.
export async function ownNames() {
  const answer = await globalThis.caches?.match(NAMES, { cacheName: OWN });
  if (!answer) return null;
  const names = await answer.json();
  if (Date.now() - names.kept_at <= KEPT_FOR) return names;
  await wipe();
  return null;
}

// Who signed in here last and is not signed out: their queue is shown even while nobody is signed in.
export const owner = async () => document.body.dataset.person || String((await ownNames())?.person ?? "");
