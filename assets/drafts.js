// What is typed in a form outlives a closed tab, an ended session and a lost connection. It is kept on the device, under
// its person and a key of its own, until it is saved or put aside; what was sent without an answer waits in the queue
// (queue.js). Passwords, tokens and files are never kept.
import { holdLater, laterPlaces } from "./later.js";
import { alertBox, button } from "./notices.js";
import { STOPPED, WAITING, announce, dequeue, enqueue, entriesOf } from "./queue.js";
import { addRowsOf } from "./rows.js";

export const TYPED = "typed";
export const EDITED = "#queue-"; // before the key, in the address of a page that brings an entry of the queue back

export const person = document.body.dataset.person; // none at the door and where something broke
const PREFIX = "draft:";
const keys = new WeakMap(); // of the forms of this page
const held = new Map(); // by key: what gives back the claim that this page has
const begun = new WeakMap(); // what stood in them at first
const place = (key) => `${PREFIX}${person}:${key}`;
const pathOf = (url) => url.pathname + url.search;

export const newKey = () =>
  crypto.randomUUID?.() ?? // only where the connection is secure
  "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) =>
    (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16),
  );

// What no device keeps, and no script sends: passwords, codes, files.
export const BY_BROWSER = "input[type=password], input[autocomplete=one-time-code], input[type=file]";

export function isKept(form) {
  const isEntry = person && form.matches("form.entry-form[method=post]");
  return Boolean(isEntry) && !form.querySelector(BY_BROWSER);
}

export function drafts() {
  const names = Object.keys(localStorage).filter((name) => name.startsWith(place("")));
  return names.map((name) => JSON.parse(localStorage.getItem(name))).sort((one, other) => other.at - one.at);
}

export const draftOf = (key) => JSON.parse(localStorage.getItem(place(key)));
export const forget = (draft) => localStorage.removeItem(place(draft.key));

// Whether the device keeps it: its store may be full or closed.
export function keep(draft, state) {
  try {
    localStorage.setItem(place(draft.key), JSON.stringify({ ...draft, state }));
    return true;
  } catch {
    return false;
  }
}

// Kept as something else than what was saved under its key.
export async function keepAsNew(draft) {
  await discard(draft);
  keep({ ...draft, key: newKey() }, STOPPED);
}

// Wherever it is kept.
export async function discard(draft) {
  forget(draft);
  await dequeue(draft.key);
  if (draft.line) await dequeue(draft.line); // the quick entry that it was made from
  announce();
}

// What waited before there was a queue.
export async function moveToQueue() {
  for (const draft of drafts().filter(({ state }) => state === WAITING)) {
    if (await enqueue({ ...draft, person }, WAITING)) forget(draft);
  }
}

// What others typed here leaves with them; what they have sent waits, unseen, until they sign in again.
export function forgetTyped(isGone) {
  for (const name of Object.keys(localStorage)) {
    if (!name.startsWith(PREFIX) || !isGone(name.split(":")[1])) continue;
    if (JSON.parse(localStorage.getItem(name)).state === TYPED) localStorage.removeItem(name);
  }
}

// A form holds its key while its page is open, so that two tabs neither show nor send one draft at once.
export function claim(key) {
  if (!navigator.locks) return Promise.resolve(() => {});
  return new Promise((settle) => {
    navigator.locks.request(place(key), { ifAvailable: true }, (lock) => {
      if (!lock) return settle(null);
      return new Promise((release) => settle(release));
    });
  });
}

export function keyOf(form) {
  if (!keys.has(form)) {
    keys.set(form, newKey());
    hold(keys.get(form));
  }
  return keys.get(form);
}

export async function hold(key) {
  const release = await claim(key);
  if (release) held.set(key, release);
  return Boolean(release);
}

// What waits may be sent by any tab.
export function letGo(key) {
  held.get(key)?.();
  held.delete(key);
}

export const formOf = (key) => [...document.forms].find((form) => keys.get(form) === key);

export function addressOf(form, submitter) {
  const action = submitter?.getAttribute("formaction") ?? form.getAttribute("action");
  return pathOf(new URL(action || location.href, location.href));
}

function valuesOf(form) {
  return [...new FormData(form)].filter(([name, value]) => name !== "csrf_token" && typeof value === "string");
}

// What a form says, in words: for whoever looks at the queue, or takes an entry out of it.
function shownIn(form) {
  const pairs = [];
  for (const input of form.elements) {
    if (!input.name || input.matches("button, [type=hidden], [type=radio]:not(:checked), [type=checkbox]:not(:checked)")) continue;
    const label = input.getAttribute("aria-label") ?? input.labels?.[0]?.textContent ?? "";
    const isPill = input.matches("[type=radio], [type=checkbox]");
    const name = (isPill && input.closest("fieldset")?.querySelector("legend")?.textContent) || label;
    const text = isPill ? label : input.matches("select") ? [...input.selectedOptions].map((option) => option.textContent).join("、") : input.value;
    const isMain = !isPill && !("time" in input.dataset);
    if (text.trim()) pairs.push([name.replace("*", "").trim(), text.trim(), isMain]);
  }
  return pairs;
}

export function draftFrom(form, submitter) {
  const values = valuesOf(form);
  if (submitter?.name) values.push([submitter.name, submitter.value]);
  // the page that comes back may lack an option that was searched for
  const options = [...form.querySelectorAll("select[data-search] option:checked")];
  const texts = options.map((option) => [option.value, option.textContent]);
  const title = form.getAttribute("aria-label") || document.querySelector("h1")?.textContent.trim() || "";
  const page = form.dataset.page ?? pathOf(location);
  const where = { address: addressOf(form), action: addressOf(form, submitter), page };
  const { line } = form.dataset;
  const at = Number(form.dataset.at) || Date.now(); // a line may have been typed long before
  return { key: keyOf(form), person, at, title, ...where, values, texts, line, shown: shownIn(form), was: begun.get(form) };
}

function addMissing(select, values, texts) {
  const known = new Set([...select.options].map((option) => option.value));
  for (const [value, text] of texts) {
    const isMine = values.some(([name, chosen]) => name === select.name && chosen === value);
    if (isMine && !known.has(value)) select.add(new Option(text, value));
  }
}

function put(input, values, texts) {
  if (input.matches("select[data-search]")) addMissing(input, values, texts);
  const mine = values.filter(([name]) => name === input.name).map(([, value]) => value);
  if (input.matches("[type=radio], [type=checkbox]")) input.checked = mine.includes(input.value);
  else if (input.matches("select")) for (const option of input.options) option.selected = mine.includes(option.value);
  else if (mine.length) input.value = mine[0];
  input.tomselect?.sync();
}

// A new record comes back whole. Of one that is changed only what was typed: others may have changed the rest since.
function isTyped(input, draft) {
  return draft.address.split("?")[0].endsWith("/new") || input.type === "hidden" || isChanged(input.name, draft);
}

function isChanged(name, { values, was = [] }) {
  const here = (pairs) => JSON.stringify(pairs.filter(([other]) => other === name));
  return here(values) !== here(was);
}

function restore(form, draft) {
  addRowsOf(form, draft.values);
  const typed = draft.values.filter(([name]) => isChanged(name, draft));
  for (const place of laterPlaces(form)) holdLater(place, typed);
  for (const input of form.elements) {
    if (!input.name || input.name === "csrf_token" || input.matches("button") || !isTyped(input, draft)) continue;
    put(input, draft.values, draft.texts);
    if (input.matches("textarea, input[type=text]") && input.value) input.closest("details")?.setAttribute("open", "");
  }
  form.closest("details")?.setAttribute("open", "");
}

function noteOf(draft) {
  const at = new Date(draft.at);
  const time = [at.getHours(), at.getMinutes()].map((number) => String(number).padStart(2, "0")).join(":");
  const drop = button("放弃", async () => {
    await discard(draft);
    location.reload();
  });
  const why = draft.why ? `。未保存的原因：${draft.why}` : "";
  return alertBox(`已恢复 ${at.getMonth() + 1}月${at.getDate()}日 ${time} 未提交的内容${why}`, "info", drop);
}

async function bringBack(form) {
  const address = addressOf(form);
  // of the queue only what one came for; of drafts any
  const asked = location.hash.startsWith(EDITED) && (await entriesOf(person)).filter(({ key }) => location.hash === EDITED + key);
  for (const draft of asked || drafts()) {
    if (draft.address !== address || draft.state === WAITING || !(await hold(draft.key))) continue;
    keys.set(form, draft.key);
    if (draft.line) form.dataset.line = draft.line;
    restore(form, draft);
    form.prepend(noteOf(draft));
    return;
  }
}

// What stands in fields that came later was not typed either.
export function noteFields(fields) {
  const { form } = fields.querySelector("[name]") ?? {};
  if (!begun.has(form)) return;
  const names = new Set([...fields.querySelectorAll("[name]")].map(({ name }) => name));
  begun.set(form, [...begun.get(form).filter(([name]) => !names.has(name)), ...valuesOf(form).filter(([name]) => names.has(name))]);
}

// `draft`: what the form was sent as, where the server gives it back; null: it brings nothing back.
export function attachDraft(form, draft) {
  if (!isKept(form)) return;
  begun.set(form, draft?.was ?? valuesOf(form));
  form.addEventListener("input", () => keep(draftFrom(form), TYPED));
  if (draft) keys.set(form, draft.key);
  else if (draft !== null) bringBack(form);
}
