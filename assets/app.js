// What every page loads: a few lines that make forms and menus kinder. All pages work without it.
import { startBar } from "./bar.js";
import { startDates } from "./dates.js";
import { startDevice } from "./device.js";
import { TYPED, drafts, forget, forgetTyped, noteFields, person } from "./drafts.js";
import { startKeys } from "./keys.js";
import { startLater } from "./later.js";
import { tell } from "./notices.js";
import { startPicking } from "./picking.js";
import { wipe } from "./own.js";
import { keepPlace } from "./place.js";
import { startRows } from "./rows.js";
import { freshToken, showMistake, startSaving } from "./saving.js";
import { startSearch } from "./search.js";

const closest = (event, selector) => event.target.closest?.(selector);
const submitters = () => document.querySelectorAll("button[data-sending]");

// What one person typed is not shown to the next at the same device. localStorage says who is signed in, to all tabs; a
// page that comes back from the browser's memory, or stands open in another tab, and is somebody else's is loaded anew.
function loadAnew() {
  document.body.hidden = true;
  location.reload();
}

if (person) {
  localStorage.setItem("person", person);
  forgetTyped((who) => who !== person);
} else if (sessionStorage.getItem("signing-out")) localStorage.setItem("person", ""); // the session has ended by now
sessionStorage.removeItem("signing-out");

addEventListener("storage", (event) => {
  if (person && event.key === "person" && event.newValue !== person) loadAnew();
});

// The browser fills in again what stood in the fields when one goes back: only for whoever typed it.
addEventListener("pageshow", (event) => {
  if (!person) return;
  if (event.persisted && localStorage.getItem("person") !== person) return loadAnew();
  const before = history.state?.person;
  if (before && before !== person) for (const form of document.forms) form.reset();
  history.replaceState({ ...history.state, person }, "");
});

startDates(); // before drafts come back into their fields
startRows();
startLater(noteFields);
startBar();
startSaving();
addEventListener("load", startDevice);
startSearch();
startKeys();
startPicking();

// Who signs out leaves neither pages nor names nor what was typed, also where the server does not learn of it.
async function leaveNothing(event) {
  const token = event.target.elements.csrf_token;
  if (!event.defaultPrevented && token.value === "") {
    event.preventDefault(); // a page that the device kept, without a token
    token.value = (await freshToken())?.token ?? "none";
    return event.target.requestSubmit();
  }
  for (const draft of drafts()) if (draft.state === TYPED) forget(draft);
  wipe();
  if (event.defaultPrevented) return tell("未连上：本机保存的页面和名单已清除，联网后请再退出一次。");
  sessionStorage.setItem("signing-out", "1");
}

// What the browser itself sends. One click sends once. Disabled only after the browser has read the form, or the
// button's value is lost.
document.addEventListener("submit", (event) => {
  if (event.target.matches("form[data-sign-out]")) leaveNothing(event);
  if (event.defaultPrevented) return;
  const button = event.submitter;
  setTimeout(() => {
    if (!button) return;
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
  if (byKeyboard || !closest(event, "select[data-autosubmit], input[data-autosubmit]")) return;
  // on the phone several filters are set before the button sends them; unfolded on wide screens, their part has no box
  if (!closest(event, ".more-filters")?.getClientRects().length) event.target.form.requestSubmit();
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

keepPlace();

// A form that came back shows its first mistake, wherever on the page it is.
if (document.querySelector(".entry-form .is-invalid")) showMistake(document);

// Printing needs script; without it the browser's own menu prints.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// Browsers before Chromium 131 cannot unfold by style what is printed.
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details.more:not([open])")) fold.open = fold.dataset.folded = true;
});
addEventListener("afterprint", () => {
  for (const fold of document.querySelectorAll("details[data-folded]")) {
    fold.open = false;
    delete fold.dataset.folded;
  }
});
