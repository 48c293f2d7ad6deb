// Dates and times are shown and typed as people write them, in fields that work without script. The server says how it
// reads what was typed (/choices/date); the browser's own field lies unseen below and lends its calendar.
import { fullDay, two } from "./days.js";

const END_OF = { first_on: "last_on", from_on: "to_on", first: "last", from: "to" };
const DAY = 86_400_000; // ms
const isTouched = matchMedia("(pointer: coarse)").matches;

const utc = (iso) => new Date(`${iso}T00:00Z`);
const daysFrom = (iso, days) => new Date(utc(iso).getTime() + days * DAY).toISOString().slice(0, 10);

function shownAs(iso) {
  if (!iso) return "";
  const [year, month, day] = iso.split("-").map(Number);
  return fullDay({ year, month, day, weekday: utc(iso).getUTCDay() });
}

function isoOf(text) {
  const found = /^(\d{4})年(\d{1,2})月(\d{1,2})日/.exec(text);
  return found ? [found[1], two(found[2]), two(found[3])].join("-") : "";
}

// A visit may be planned or done: the form says which.
function isAhead({ dataset, form }) {
  const status = form?.querySelector("[name=status]:checked");
  return status ? status.value === "planned" : dataset.date === "ahead";
}

// What cannot be read is said at the field.
function mark(field, message) {
  field.parentElement.parentElement.querySelector(`[data-unread="${field.name}"]`)?.remove();
  field.classList.toggle("is-invalid", Boolean(message));
  if (!message) return field.removeAttribute("aria-invalid");
  const box = document.createElement("div");
  box.className = "field-error";
  box.dataset.unread = field.name;
  box.setAttribute("role", "alert");
  box.textContent = message;
  field.setAttribute("aria-invalid", "true");
  field.parentElement.after(box);
}

async function read(field) {
  const text = field.value.trim();
  if (!text) return mark(field, "");
  const asked = new URLSearchParams({ text, as: "time" in field.dataset ? "time" : "date" });
  if (isAhead(field)) asked.set("ahead", "1");
  try {
    const answer = await fetch(`/choices/date?${asked}`, { redirect: "error" });
    const { shown, error } = await answer.json();
    if (field.value.trim() !== text) return; // typed on meanwhile
    if (shown) put(field, shown);
    mark(field, error);
  } catch {
    // offline: the server reads it when the form is sent
  }
}

// A start that passes its end moves it along, by as many days.
function moveEnd(field, was) {
  const end = field.form?.elements[END_OF[field.name]];
  const [from, to, last] = [was, isoOf(field.value), isoOf(end?.value ?? "")];
  if (from && to && last && last < to) end.value = shownAs(daysFrom(last, (utc(to) - utc(from)) / DAY));
}

function put(field, shown) {
  const was = field.dataset.was;
  field.value = shown;
  field.dataset.was = isoOf(shown);
  moveEnd(field, was);
}

// Chosen, not typed: drafts keep it.
function choose(field, shown) {
  put(field, shown);
  mark(field, "");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

function nativeOf(field) {
  const native = document.createElement("input");
  native.type = "time" in field.dataset ? "time" : "date";
  native.className = "date-native";
  native.tabIndex = -1;
  native.setAttribute("aria-hidden", "true");
  native.addEventListener("change", (event) => {
    event.stopPropagation();
    choose(field, native.type === "time" ? native.value : shownAs(native.value));
  });
  return native;
}

function openerOf(field, open) {
  const button = document.createElement("button");
  const name = field.getAttribute("aria-label") ?? field.labels[0]?.textContent.replace("*", "").trim() ?? "";
  button.type = "button";
  button.className = "date-open";
  button.setAttribute("aria-label", `${name}：打开日历`);
  button.addEventListener("click", open);
  return button;
}

function enhance(field) {
  const isDate = "date" in field.dataset;
  const box = document.createElement("span");
  box.className = "date-field";
  field.before(box);
  const native = nativeOf(field);
  box.append(field, native);
  field.dataset.was = isoOf(field.value);
  field.addEventListener("change", (event) => event.isTrusted && read(field));
  if (isDate) field.addEventListener("keydown", (event) => step(event, field));
  if (!native.showPicker) return;

  const open = () => {
    native.value = isDate ? isoOf(field.value) : field.value;
    native.showPicker();
  };
  if (isDate) box.append(openerOf(field, open));
  if (isTouched) {
    field.inputMode = "none"; // the calendar comes, and no keyboard
    field.addEventListener("click", open);
  }
}

function step(event, field) {
  const days = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  const iso = isoOf(field.value);
  if (!days || event.altKey || !iso) return;
  event.preventDefault();
  choose(field, shownAs(daysFrom(iso, days)));
}

// Addresses hold dates as 2026-11-28.
function onFormData({ target, formData }) {
  if (target.method !== "get") return;
  for (const { name, value } of target.querySelectorAll("[data-date]")) formData.set(name, isoOf(value) || value);
}

export function startDates() {
  const enhanceAll = (root) => root.querySelectorAll(":is([data-date], [data-time]):not([data-was])").forEach(enhance);
  enhanceAll(document);
  document.addEventListener("htmx:load", (event) => enhanceAll(event.detail.elt));
  document.addEventListener("formdata", onFormData);
}
