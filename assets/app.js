// What every page loads: htmx, and a few lines that make forms and menus kinder. All pages work without it.
import htmx from "htmx.org/dist/htmx.esm.js";

htmx.config.includeIndicatorStyles = false; // the CSP forbids inline styles; our sheet has the rules

const closest = (event, selector) => event.target.closest?.(selector);
const submitters = () => document.querySelectorAll("button[data-sending]");

// One click sends once. Disabled only after the browser has read the form, or the button's value is lost.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.defaultPrevented || !button) return;
  setTimeout(() => {
    button.dataset.sending = "";
    button.disabled = true;
  });
});

// The back button shows the page as it was left: its buttons must work again.
addEventListener("pageshow", () => {
  for (const button of submitters()) {
    button.disabled = false;
    delete button.dataset.sending;
  }
});

// Filters act when they are chosen with a pointer. From the keyboard each arrow is a change: there the button sends.
let byKeyboard = false;
document.addEventListener("keydown", () => (byKeyboard = true), true);
document.addEventListener("pointerdown", () => (byKeyboard = false), true);
document.addEventListener("change", (event) => {
  if (!byKeyboard && closest(event, "select[data-autosubmit], input[data-autosubmit]")) event.target.form.requestSubmit();
});

// Menus are <details>: they open without script, and close with it.
document.addEventListener("click", (event) => {
  const inside = closest(event, "details.menu");
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== inside) menu.open = false;
  }
  closest(event, "[data-dismiss]")?.closest(".alert").remove();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

function tell(text, kind = "danger") {
  const place = document.getElementById("messages");
  if (!place) return;
  const alert = document.createElement("div");
  alert.className = `alert alert-${kind}`;
  alert.setAttribute("role", kind === "danger" ? "alert" : "status");
  alert.textContent = text;
  place.replaceChildren(alert);
  return alert;
}

document.addEventListener("htmx:sendError", () => tell("网络不通，请稍后再试；已填写的内容没有丢失。"));
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) location.reload(); // the session has ended: the server shows the sign-in page
  else tell("操作没有完成，请刷新页面后再试。");
});

// What one person typed is not shown to the next at the same device. localStorage says who is signed in, to all tabs; a
// page that comes back from the browser's memory, or stands open in another tab, and is somebody else's is loaded anew.
const person = document.body.dataset.person; // none at the door and where something broke
const draftKeys = () => Object.keys(sessionStorage).filter((key) => key.startsWith("draft:"));

function forgetDrafts(isKept = () => false) {
  for (const key of draftKeys()) if (!isKept(key)) sessionStorage.removeItem(key);
}

function loadAnew() {
  document.body.hidden = true;
  location.reload();
}

if (person) {
  localStorage.setItem("person", person);
  forgetDrafts((key) => key.startsWith(`draft:${person}:`));
} else if (sessionStorage.getItem("signing-out")) localStorage.setItem("person", ""); // the session has ended by now
sessionStorage.removeItem("signing-out");

addEventListener("storage", (event) => {
  if (!person || event.key !== "person" || event.newValue === person) return;
  forgetDrafts();
  loadAnew();
});

// The browser fills in again what stood in the fields when one goes back: only for whoever typed it.
addEventListener("pageshow", (event) => {
  if (!person) return;
  if (event.persisted && localStorage.getItem("person") !== person) return loadAnew();
  const before = history.state?.person;
  if (before && before !== person) for (const form of document.forms) form.reset();
  history.replaceState({ ...history.state, person }, "");
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-sign-out]")) return;
  sessionStorage.setItem("signing-out", "1");
  forgetDrafts();
});

// What is typed in a form with data-draft outlives a lost connection, an ended session or a closed page, until it is
// saved. A draft that was sent but never answered comes back whole, with its reference: so it can be saved only once.
const draftKey = (form) => `draft:${person}:${form.dataset.draft}`;
const isText = (input) => input.matches("textarea, input[type=text], input:not([type])");

function keepDraft(form, isSent) {
  const values = [...new FormData(form)].filter(([name]) => name !== "csrf_token");
  // the page that comes back may lack an option that was searched for
  const options = [...form.querySelectorAll("select[data-search] option:checked")];
  const texts = options.map((option) => [option.value, option.textContent]);
  sessionStorage.setItem(draftKey(form), JSON.stringify({ isSent, values, texts }));
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
}

function restoreDraft(form) {
  const kept = sessionStorage.getItem(draftKey(form)) ?? '{"values":[]}';
  const { isSent, values, texts = [] } = JSON.parse(kept);
  const typed = Object.fromEntries(values);
  if (typed.ref && form.elements.ref?.value === typed.ref) return; // the server has given it back itself
  const lost = (input) => isText(input) && !input.value && typed[input.name];
  const inputs = [...form.elements].filter((input) => input.name && input.name !== "csrf_token");
  const given = isSent ? inputs.filter((input) => !input.matches("button")) : inputs.filter(lost);
  if (!given.length) return;
  for (const input of given) {
    put(input, values, texts);
    if (isText(input) && input.value) input.closest("details")?.setAttribute("open", "");
  }
  const again = document.createElement("button");
  again.className = "btn btn-sm";
  again.textContent = "重新填写";
  again.addEventListener("click", () => {
    sessionStorage.removeItem(draftKey(form));
    location.reload();
  });
  tell("已恢复上次没有保存的内容，请核对。", "info")?.append(again);
}

// A form that came back shows its first mistake, wherever on the page it is.
const mistake = document.querySelector(".entry-form .is-invalid");
mistake?.scrollIntoView({ block: "center" });
if (mistake?.matches("input, textarea, select:not([data-picker])")) mistake.focus({ preventScroll: true });

// A page that tells what was done ends every draft.
if (document.querySelector("#messages .alert-success, #messages .alert-info")) forgetDrafts();
for (const form of document.querySelectorAll("form[data-draft]")) {
  if (!form.querySelector(".alert-danger")) restoreDraft(form);
  form.addEventListener("input", () => keepDraft(form, false));
  form.addEventListener("submit", () => keepDraft(form, true));
}

// Printing needs script; without it the browser's own menu prints.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
