// Forms are sent in the background, under a key made here: however often one is sent, the server saves it once. Without
// an answer a form stays where it is, and waits in the queue, from which it is sent by itself, after a sign-in too.
import { compareClock, noteAnswer } from "./bar.js";
import { BY_BROWSER, addressOf, attachDraft, claim, discard, draftFrom, forget, formOf, hold, isKept, keep, keepAsNew } from "./drafts.js";
import { letGo, moveToQueue, newKey, person } from "./drafts.js";
import { alertBox, button, link, tell } from "./notices.js";
import { LINE, STOPPED, WAITING, announce, dequeue, enqueue, entriesOf, entryOf, onQueue } from "./queue.js";

const OVERLOADED = 429;
const TIMEOUT = 30_000; // ms
const SHORTEST = 5_000;
const LONGEST = 300_000;
const REPEATABLE_FOR = 25 * 86_400_000; // ms; the server knows a key for some days longer
const LATER = "未连上，请稍后重试。";
const WAITS = "未连上，已存在本机，联网后自动提交。";
const NOT_KEPT = "未连上，请不要关闭本页，联网后再保存。";
const LINE_WAITS = "未连上，快记已存在本机，联网后请在“待发送”中核对。";
const TOO_OLD = "超过 25 天未收到答复，可能已保存，请先查看记录。";
const REASONS = {
  403: "您已无权处理这条记录。",
  404: "记录已不存在，或您已无权处理。",
  409: "记录已被他人修改，请打开核对。",
};
const sending = new Set(); // keys under way

async function ask(address, options = {}) {
  const cut = new AbortController();
  const timer = setTimeout(() => cut.abort(), TIMEOUT);
  try {
    // a redirect would look like success
    const answer = await fetch(address, { ...options, redirect: "error", signal: cut.signal });
    const text = await answer.text();
    // as if there were no network: what was sent is not wrong, and is sent again
    const isAway = answer.status >= 500 || answer.status === OVERLOADED;
    return isAway ? null : { status: answer.status, headers: answer.headers, text };
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

function post({ action, values, key, at }, token) {
  const body = new URLSearchParams([...values, ["csrf_token", token]]);
  // of the device's clock: how long ago it was typed, whatever the clock shows
  const times = { "X-Device-Typed": String(at), "X-Device-Now": String(Date.now()) };
  return ask(action, { method: "POST", body, headers: { "X-Request-Key": key, ...times } });
}

// Tokens end with their session, so none is kept: the server gives a fresh one, and says whose it is.
export async function freshToken() {
  const answer = await ask("/me/form-token");
  noteAnswer(answer?.status);
  if (answer?.status !== 200) return answer;
  const given = JSON.parse(answer.text);
  compareClock(given.now);
  if (String(given.person) !== person) {
    location.reload(); // somebody else has signed in meanwhile: nothing is sent in their name
    return null;
  }
  return { status: 200, token: given.token };
}

async function send(draft, token) {
  sending.add(draft.key);
  let answer = await post(draft, token);
  if (answer?.status === 400) {
    const fresh = await freshToken();
    if (fresh?.token) answer = await post(draft, fresh.token);
  }
  sending.delete(draft.key);
  return answer;
}

export function leaveFor(address) {
  const target = new URL(address, location.href);
  const isHere = target.pathname + target.search === location.pathname + location.search;
  location.assign(target);
  if (isHere && target.hash) location.reload(); // else the page would only scroll
}

function setBusy(form, submitter, words) {
  const label = submitter?.lastChild;
  const before = label?.textContent;
  form.dataset.sending = "";
  if (submitter) {
    submitter.dataset.sending = "";
    submitter.disabled = true;
    if (words) label.textContent = words;
  }

  return () => {
    delete form.dataset.sending;
    if (!submitter) return;
    delete submitter.dataset.sending;
    submitter.disabled = false;
    label.textContent = before;
  };
}

// The page that the server answers with takes the place of this one; its address stays. `draft`: what the form of this
// page was sent as, where that is kept.
export function show({ status, text }, draft) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const main = document.importNode(page.querySelector("main"), true);
  document.querySelector("main").replaceWith(main);
  document.title = page.title;
  document.body.dataset.status = status;

  for (const form of main.querySelectorAll("form")) {
    if (form.getAttribute("method") === "post" && !form.getAttribute("action")) form.setAttribute("action", draft?.action ?? "");
    if (draft?.line) form.dataset.line = draft.line;
    if (draft && form.closest(".quick-read")) form.dataset.at = draft.at;
    const isFilled = main.querySelector(".quick-read"); // by the server, from a line
    attachDraft(form, draft && addressOf(form) === draft.address ? draft : isFilled ? null : undefined);
  }
  for (const { src } of page.querySelectorAll("body script[src]")) {
    if ([...document.scripts].some((script) => script.src === src)) continue;
    document.body.append(Object.assign(document.createElement("script"), { src }));
  }
  document.dispatchEvent(new CustomEvent("htmx:load", { detail: { elt: main } }));
  showMistake(main);
}

export function showMistake(main) {
  const mistake = main.querySelector(".entry-form .is-invalid");
  if (!mistake) {
    scrollTo(0, 0);
    return main.focus({ preventScroll: true });
  }
  mistake.scrollIntoView({ block: "center" });
  if (mistake.matches("input, textarea, select:not([data-picker])")) mistake.focus({ preventScroll: true });
}

// What was changed meanwhile is shown on the page of the record; other conflicts have a page of errors.
const isRefused = ({ headers }) => headers.has("X-Refused"); // in words, on the page that it leads to
const isPage = ({ status, text }) => status === 200 || status === 422 || (status === 409 && !text.includes('class="gate"'));

function reasonIn({ text }) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const words = [...page.querySelectorAll(".empty-title, .empty-hint")].map((part) => part.textContent.trim());
  return words.join("：") || "本次未保存，请稍后重试。";
}

// One sentence for a list: what stands at the fields, else what is asked, else what the page says.
function whyStopped(answer) {
  const page = new DOMParser().parseFromString(answer.text, "text/html");
  for (const way of page.querySelectorAll("main .alert a")) if (way.target) way.remove();
  const words = (selector) => [...page.querySelectorAll(`main ${selector}`)].map((part) => part.textContent.trim().replace(/\s+/g, " "));
  const marked = words(".field-error span");
  if (answer.status === 422) return marked.join(" ") || words(".alert-warning li").join(" ") || words(".alert-text").join(" ") || reasonIn(answer);
  return (!isRefused(answer) && REASONS[answer.status]) || reasonIn(answer);
}

// What an answer means for a form of this page; `hasWaited`: it stands in the queue, where it stays until it is saved.
async function settle(answer, form, draft, hasWaited) {
  const { status, headers } = answer;
  if (status === 201) return leaveFor(await finish(answer, draft));

  if (hasWaited) await enqueue({ ...draft, why: whyStopped(answer) }, STOPPED);
  else if (isKept(form)) {
    keep(draft, STOPPED);
    await dequeue(draft.key);
  }
  announce();
  if (status === 401 || isRefused(answer)) leaveFor(headers.get("Location"));
  else if (isPage(answer)) show(answer, draft);
  else tell(reasonIn(answer));
}

// It is saved: the device forgets it, and all its pages learn where it is.
async function finish({ headers }, draft) {
  const address = headers.get("Location");
  if (headers.has("X-Differs")) await keepAsNew(draft);
  else await discard(draft);
  announce({ key: draft.key, address });
  return address;
}

function say(form, text, ...links) {
  form.querySelector(".saving-note")?.remove();
  const note = alertBox(text, "warning", ...links);
  note.classList.add("saving-note");
  (form.querySelector(".save-bar") ?? form).prepend(note); // the bar stays in sight
}

async function wait(form, isOnDevice, { key, line }) {
  if (!isOnDevice) return say(form, NOT_KEPT);
  letGo(key);
  if (line) await dequeue(line); // the form holds all of it
  announce();
  const again = form.getAttribute("action")?.includes("/visits/new") || location.pathname === "/visits/new";
  say(form, WAITS, button("立即重试", () => sendNow()), ...(again ? [link("再登记一次", "/visits/new")] : []));
  form.addEventListener("input", () => takeBack(form, key), { once: true });
  sendLater();
}

// What is changed once more is not sent as it was; drafts.js keeps it as it is typed.
async function takeBack(form, key) {
  await hold(key);
  await dequeue(key);
  announce();
  say(form, "内容有改动，请再保存一次。");
}

async function waitAsLine(form) {
  const box = form.querySelector("[name=line]");
  // the page that is kept on the device reads it itself
  if (!form.dispatchEvent(new CustomEvent("line", { bubbles: true, cancelable: true }))) return;
  const entry = { key: newKey(), person, at: Date.now(), title: "快记", text: box.value.trim() };
  if (!entry.text || !(await enqueue(entry, LINE))) return tell(LATER);
  box.value = "";
  announce();
  tell(LINE_WAITS, "warning");
}

async function save(form, submitter) {
  const isEntry = isKept(form);
  const words = submitter?.name ? "请稍候…" : "正在保存…";
  const draft = draftFrom(form, submitter);
  const setIdle = setBusy(form, submitter, isEntry ? words : "");
  sending.add(draft.key);
  const isOnDevice = isEntry && (await enqueue(draft, WAITING));
  if (isOnDevice) forget(draft); // it is no longer a draft
  const token = form.querySelector("[name=csrf_token]")?.value ?? "";

  const answer = await send(draft, token);

  if (answer?.status !== 201) setIdle();
  if (answer) await settle(answer, form, draft, false);
  else if (isEntry) await wait(form, isOnDevice, draft);
  else if (form.matches(".quick-box")) await waitAsLine(form);
  else tell(LATER);
}

function onSubmit(event) {
  const { target: form, submitter } = event;
  if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
  const isByBrowser = form.matches("[data-sign-out]") || form.querySelector(BY_BROWSER);
  if (person && !isByBrowser) {
    event.preventDefault();
    if (!("sending" in form.dataset)) save(form, submitter);
  } else if (!navigator.onLine) {
    event.preventDefault();
    tell(LATER);
  }
}

let isSending = false;
let delay = SHORTEST;
let timer;

function sendLater() {
  clearTimeout(timer);
  timer = setTimeout(sendWaiting, delay);
  delay = Math.min(delay * 2, LONGEST);
}

function sendNow() {
  delay = SHORTEST;
  sendWaiting();
}

async function waiting() {
  const entries = await entriesOf(person);
  return entries.filter(({ state, key }) => state === WAITING && !sending.has(key));
}

async function sendWaiting() {
  if (isSending || !person) return;
  isSending = true;
  const hasMore = (await waiting()).length > 0 && !(await sendAll());
  isSending = false;
  if (hasMore) sendLater();
}

// Whether there is no need to try again by itself.
async function sendAll() {
  const fresh = await freshToken();
  if (fresh?.token) return sendEach(fresh.token);
  return fresh?.status === 401 && askToSignIn();
}

function askToSignIn() {
  noteAnswer(401);
  const back = encodeURIComponent(location.pathname + location.search);
  tell("登录已过期，内容还在本机，重新登录后自动提交。", "warning", link("重新登录", `/login?next=${back}`));
  return true;
}

// Whether nothing is left to be sent.
async function sendEach(token) {
  let isOver = true;
  for (const { key } of await waiting()) {
    const release = await claim(key);
    if (!release) {
      isOver = false; // another tab sends it; should it be closed meanwhile, this one tries again
      continue;
    }
    const entry = await entryOf(key); // another tab may have sent it meanwhile
    const isAnswered = entry?.state !== WAITING || (await sendOne(entry, formOf(key), token));
    release();
    if (!isAnswered) return false;
  }
  return isOver;
}

// Whether it was answered.
async function sendOne(entry, form, token) {
  if (entry.tried_at && Date.now() - entry.tried_at > REPEATABLE_FOR) {
    await stop(entry, TOO_OLD);
    return true;
  }
  const draft = { tried_at: Date.now(), ...entry };
  await enqueue(draft, WAITING);
  const answer = await send(draft, token);
  if (!answer) return false;
  if (answer.status === 401) return askToSignIn();
  if (form) await settle(answer, form, draft, true);
  else await report(answer, draft);
  return true;
}

async function stop(draft, why) {
  await enqueue({ ...draft, why }, STOPPED);
  announce();
}

// What an answer means for a form that is not on this page.
async function report(answer, draft) {
  if (answer.status === 201) {
    tell(`“${draft.title}”已提交。`, "success", link("查看", await finish(answer, draft)));
  } else {
    await stop(draft, whyStopped(answer));
    tell(`“${draft.title}”未保存，请在“待发送”中处理。`, "warning", link("处理", "/me/queue"));
  }
}

export async function startSaving() {
  document.addEventListener("submit", onSubmit);
  for (const form of document.forms) attachDraft(form);
  // one that was saved comes back from the browser's memory as if it were still under way
  addEventListener("pageshow", () => document.querySelector("form[data-sending]") && location.reload());
  addEventListener("online", sendNow);
  addEventListener("focus", sendNow);
  document.addEventListener("send", sendNow); // asked for on the page of the queue
  onQueue(({ key, address }) => key && formOf(key) && leaveFor(address)); // another tab has saved it
  await moveToQueue();
  announce(); // a page that was left as its answer came could no longer say what it had saved
  sendNow();
}
