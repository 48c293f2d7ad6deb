// Dates are shown and typed as 2026年11月28日: the browser's own field writes them as its language does, 11/28/2026 for
// many. It stays in the page, holds the value, and opens its calendar. Without script it is the field.
const UNREAD = "请按“2026年11月28日”的格式填写。";
const WORDS = { 前天: -2, 昨天: -1, 今天: 0, 明天: 1, 后天: 2 };
const { get, set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
const isTouched = matchMedia("(pointer: coarse)").matches;

const pad = (number) => String(number).padStart(2, "0");
const isoOf = (date) => `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
const dateOf = (iso) => new Date(`${iso}T00:00`);

function daysFrom(date, days) {
  return isoOf(new Date(date.getFullYear(), date.getMonth(), date.getDate() + days));
}

function shownAs(iso) {
  const [year, month, day] = iso.split("-").map(Number);
  return day ? `${year}年${month}月${day}日` : "";
}

// The typed date as the server reads it, empty where nothing is typed; null for what is no date. Year and month may be
// left out: they are those of `base`.
function read(typed, base) {
  const text = typed.normalize("NFKC").trim();
  if (!text) return "";
  if (text in WORDS) return daysFrom(new Date(), WORDS[text]);
  const numbers = (/^\d{8}$/.test(text) ? text.replace(/^(....)(..)/, "$1 $2 ") : text).match(/\d+/g)?.map(Number) ?? [];
  if (/^\d{4}$/.test(text)) numbers.splice(0, 1, Number(text.slice(0, 2)), Number(text.slice(2)));
  if (!numbers.length || numbers.length > 3 || /[^\d\s年月日号./-]/.test(text)) return null;
  const [year, month, day] = [base.getFullYear(), base.getMonth() + 1, 0].slice(0, 3 - numbers.length).concat(numbers);
  const date = new Date(year < 100 ? 2000 + year : year, month - 1, day);
  return date.getMonth() === month - 1 && date.getDate() === day ? isoOf(date) : null;
}

function textBeside(native) {
  const text = document.createElement("input");
  text.type = "text";
  text.className = `${native.className} date-text`;
  text.autocomplete = "off";
  text.placeholder = "年/月/日";
  for (const name of ["id", "aria-label", "aria-describedby", "aria-invalid", "required"]) {
    if (native.hasAttribute(name)) text.setAttribute(name, native.getAttribute(name));
    native.removeAttribute(name);
  }
  native.className = "date-native";
  native.tabIndex = -1;
  native.setAttribute("aria-hidden", "true");
  return text;
}

function opener(native) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "date-open";
  button.tabIndex = -1; // the arrow keys change the date, and what is typed is read
  button.setAttribute("aria-label", "打开日历");
  button.addEventListener("click", () => native.showPicker());
  return button;
}

// What cannot be read is said at the field, and keeps the form from being sent.
function mark(text, isUnread) {
  const field = text.parentElement;
  field.parentElement.querySelector(".date-unread")?.remove();
  text.toggleAttribute("data-unread", isUnread);
  text.classList.toggle("is-invalid", isUnread);
  if (isUnread) text.setAttribute("aria-invalid", "true");
  else text.removeAttribute("aria-invalid");
  if (!isUnread) return;
  const message = document.createElement("div");
  message.className = "field-error date-unread";
  message.setAttribute("role", "alert");
  message.textContent = UNREAD;
  field.after(message);
}

function enhance(native) {
  const field = document.createElement("span");
  field.className = "date-field";
  native.before(field);
  const text = textBeside(native);
  field.append(text, native);
  if (native.showPicker) field.append(opener(native));

  const show = () => (text.value = shownAs(native.value));
  const base = () => (native.value ? dateOf(native.value) : new Date());
  const take = (iso) => set.call(native, iso ?? "");
  const announce = () => native.dispatchEvent(new Event("change", { bubbles: true }));

  // a draft that comes back sets the value without an event
  Object.defineProperty(native, "value", { get, set: (iso) => (set.call(native, iso), show()) });
  native.addEventListener("input", show);
  native.addEventListener("change", () => mark(text, false));
  let before = base();
  text.addEventListener("focus", () => (before = base()));
  text.addEventListener("input", () => take(read(text.value, before)));
  text.addEventListener("change", (event) => {
    event.stopPropagation(); // the field itself says that it has changed
    const iso = read(text.value, before);
    take(iso);
    if (iso === null) return mark(text, true);
    show();
    announce();
  });
  text.addEventListener("keydown", (event) => {
    const days = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!days || event.altKey) return;
    event.preventDefault();
    native.value = native.value ? daysFrom(base(), days) : isoOf(new Date());
    announce();
  });
  if (isTouched && native.showPicker) {
    text.readOnly = true;
    text.addEventListener("click", () => native.showPicker());
  }
  show();
}

export function startDates() {
  const enhanceAll = (root) => root.querySelectorAll("input[type=date]:not(.date-native)").forEach(enhance);
  enhanceAll(document);
  document.addEventListener("htmx:load", (event) => enhanceAll(event.detail.elt)); // saving.js tells of a page that came back
  document.addEventListener(
    "submit",
    (event) => {
      const unread = event.target.querySelector("[data-unread]");
      if (!unread) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      unread.focus();
    },
    true,
  );
  // what a browser fills in again comes without an event
  addEventListener("pageshow", () => {
    for (const native of document.querySelectorAll(".date-native")) native.value = native.value;
  });
}
