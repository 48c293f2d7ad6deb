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

// Filters act when they are chosen; typing in them does not send.
document.addEventListener("change", (event) => {
  if (closest(event, "select[data-autosubmit], input[data-autosubmit]")) event.target.form.requestSubmit();
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

function tell(text) {
  const place = document.getElementById("messages");
  if (!place) return;
  const alert = document.createElement("div");
  alert.className = "alert alert-danger";
  alert.setAttribute("role", "alert");
  alert.textContent = text;
  place.replaceChildren(alert);
}

document.addEventListener("htmx:sendError", () => tell("网络不通，请稍后再试；已填写的内容没有丢失。"));
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) location.reload(); // the session has ended: the server shows the sign-in page
  else tell("操作没有完成，请刷新页面后再试。");
});

// What is typed in a form with data-draft outlives a lost connection or a closed page, until it is saved.
function keepDraft(form) {
  const key = `draft:${form.dataset.draft}`;
  const kept = sessionStorage.getItem(key);
  const typed = [...form.querySelectorAll("textarea, input[type=text], input:not([type])")];
  if (kept && !form.querySelector(".is-invalid")) {
    const values = JSON.parse(kept);
    for (const input of typed) if (!input.value && values[input.name]) input.value = values[input.name];
  }
  form.addEventListener("input", () => {
    const values = typed.filter((input) => input.name && input.value).map((input) => [input.name, input.value]);
    sessionStorage.setItem(key, JSON.stringify(Object.fromEntries(values)));
  });
}

// A page that does not show the form any more but says "saved" ends every draft.
if (document.querySelector("#messages .alert-success")) {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith("draft:")) sessionStorage.removeItem(key);
}
for (const form of document.querySelectorAll("form[data-draft]")) keepDraft(form);
