// Forms are sent in the background, under a key made here: however often one is sent, the server saves it once. Without
// an answer a form stays where it is and is sent again by itself, after a sign-in too.
import { STOPPED, WAITING, addressOf, attachDraft, claim, draftFrom, drafts, forget, formOf, isKept } from "./drafts.js";
import { keep, keepAsNew, person } from "./drafts.js";
import { alertBox, button, link, tell } from "./notices.js";

const NO_ANSWER = new Set([502, 503, 504]);
const TIMEOUT = 30_000; // ms
const SHORTEST = 5_000;
const LONGEST = 300_000;
const LATER = "未连上，请稍后重试。";
const WAITS = "未连上，已存在本机，联网后自动提交。";
const NOT_KEPT = "未连上，请不要关闭本页，联网后再按一次保存。";
const sending = new Set(); // keys under way

async function ask(address, options = {}) {
  const cut = new AbortController();
  const timer = setTimeout(() => cut.abort(), TIMEOUT);
  try {
    // a redirect would look like success
    const answer = await fetch(address, { ...options, redirect: "error", signal: cut.signal });
    const text = await answer.text();
    return NO_ANSWER.has(answer.status) ? null : { status: answer.status, headers: answer.headers, text };
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

function post({ action, values, key }, token) {
  const body = new URLSearchParams([...values, ["csrf_token", token]]);
  return ask(action, { method: "POST", body, headers: { "X-Request-Key": key } });
}

// Tokens end with their session, so none is kept: the server gives a fresh one, and says whose it is.
export async function freshToken() {
  const answer = await ask("/me/form-token");
  if (answer?.status !== 200) return answer;
  const given = JSON.parse(answer.text);
  if (String(given.person) !== person) location.reload(); // somebody else has signed in meanwhile
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
    attachDraft(form, draft && addressOf(form) === draft.address ? draft : null);
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
const isPage = ({ status, text }) => status === 200 || status === 422 || (status === 409 && !text.includes('class="gate"'));

function reasonIn({ text }) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const words = [...page.querySelectorAll(".empty-title, .empty-hint")].map((part) => part.textContent.trim());
  return words.join("：") || "本次未保存，请稍后重试。";
}

// What an answer means for a form of this page.
function settle(answer, form, draft) {
  const { status, headers } = answer;
  if (status === 201) {
    if (headers.has("X-Differs")) keepAsNew(draft);
    else forget(draft);
    return leaveFor(headers.get("Location"));
  }

  if (isKept(form)) keep(draft, STOPPED);
  if (status === 401) leaveFor(headers.get("Location"));
  else if (isPage(answer)) show(answer, draft);
  else tell(reasonIn(answer));
}

function say(form, text, ...links) {
  form.querySelector(".saving-note")?.remove();
  const note = alertBox(text, "warning", ...links);
  note.classList.add("saving-note");
  (form.querySelector(".save-bar") ?? form).prepend(note); // the bar stays in sight
}

function wait(form, isOnDevice) {
  if (!isOnDevice) return say(form, NOT_KEPT);
  say(form, WAITS, button("立即重试", () => sendNow()));
  form.addEventListener("input", () => say(form, "内容有改动，请再保存一次。"), { once: true });
  sendLater();
}

async function save(form, submitter) {
  const draft = draftFrom(form, submitter);
  const isEntry = isKept(form);
  const isOnDevice = isEntry && keep(draft, WAITING);
  const token = form.querySelector("[name=csrf_token]")?.value ?? "";
  const words = submitter?.name ? "请稍候…" : "正在保存…";
  const setIdle = setBusy(form, submitter, isEntry ? words : "");

  const answer = await send(draft, token);

  if (answer?.status !== 201) setIdle();
  if (answer) settle(answer, form, draft);
  else if (isEntry) wait(form, isOnDevice);
  else tell(LATER);
}

function onSubmit(event) {
  const { target: form, submitter } = event;
  if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
  const isByBrowser = form.matches("[data-sign-out]") || form.querySelector("input[type=password], input[type=file]");
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

const waiting = () => drafts().filter((draft) => draft.state === WAITING && !sending.has(draft.key));

async function sendWaiting() {
  if (isSending || !person || !waiting().length) return;
  isSending = true;
  const fresh = await freshToken();
  const isOver = fresh?.token ? await sendEach(fresh.token) : fresh?.status === 401 && askToSignIn();
  isSending = false;
  if (!isOver) sendLater();
}

function askToSignIn() {
  const back = encodeURIComponent(location.pathname + location.search);
  tell("登录已过期，内容还在本机，重新登录后自动提交。", "warning", link("重新登录", `/login?next=${back}`));
  return true;
}

// Whether nothing is left to be sent.
async function sendEach(token) {
  for (const draft of waiting()) {
    const form = formOf(draft.key);
    const release = form ? () => {} : await claim(draft.key);
    if (!release) continue; // open in another tab, which sends it
    const answer = await send(draft, token);
    release();
    if (!answer) return false;
    if (answer.status === 401) return askToSignIn();
    if (form) settle(answer, form, draft);
    else report(answer, draft);
  }
  return true;
}

// What an answer means for a form that is not on this page.
function report(answer, draft) {
  if (answer.status !== 201) {
    keep(draft, STOPPED);
    tell(`“${draft.title}”未保存，请打开修改后重新提交。`, "warning", link("打开", draft.page));
    return;
  }
  if (answer.headers.has("X-Differs")) keepAsNew(draft);
  else forget(draft);
  tell(`“${draft.title}”已提交。`, "success", link("查看", answer.headers.get("Location")));
}

export function startSaving() {
  document.addEventListener("submit", onSubmit);
  for (const form of document.forms) attachDraft(form);
  // one that was saved comes back from the browser's memory as if it were still under way
  addEventListener("pageshow", () => document.querySelector("form[data-sending]") && location.reload());
  addEventListener("online", sendNow);
  addEventListener("focus", sendNow);
  sendNow();
}
