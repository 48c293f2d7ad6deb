// What waits to be sent: in IndexedDB, each entry under its person and the key by which the server saves it once.
import { openDB } from "idb";

export const WAITING = "waiting"; // sent as soon as there is network
export const STOPPED = "stopped"; // answered, but not saved: its person decides
export const LINE = "line"; // a quick entry, to be looked at once there is network

const STORE = "queue";
const BY_PERSON = "person";
const channel = globalThis.BroadcastChannel && new BroadcastChannel("queue"); // between the tabs of a device
let opened;

const store = () =>
  (opened ??= openDB("crm", 1, {
    upgrade: (db) => db.createObjectStore(STORE, { keyPath: "key" }).createIndex(BY_PERSON, BY_PERSON),
  }));

// Of the person, the oldest first; none where the browser keeps nothing.
export async function entriesOf(person) {
  try {
    const entries = await (await store()).getAllFromIndex(STORE, BY_PERSON, String(person));
    return entries.sort((one, other) => one.at - other.at);
  } catch {
    return [];
  }
}

export const entryOf = async (key) => (await store()).get(STORE, key);

// Whether the device keeps it: its store may be full or closed.
export async function enqueue(entry, state) {
  try {
    await (await store()).put(STORE, { ...entry, state });
    return true;
  } catch {
    return false;
  }
}

export async function dequeue(key) {
  try {
    await (await store()).delete(STORE, key);
  } catch {
    // it is kept nowhere
  }
}

// Tells all pages of the device that the queue has changed; `saved`: the key of what was saved, and where it is.
export function announce(saved = {}) {
  channel?.postMessage(saved);
  document.dispatchEvent(new Event("queue"));
}

export function onQueue(listen) {
  channel?.addEventListener("message", ({ data }) => listen(data));
  document.addEventListener("queue", () => listen({}));
}
