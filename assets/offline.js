// On the pages that the device keeps, and on the one of its queue.
import { fullDay, two } from "./days.js";
import { alertBox, button, link } from "./notices.js";
import { owner, ownNames } from "./own.js";
import { LINE, STOPPED, WAITING, announce, dequeue, enqueue, entriesOf, onQueue } from "./queue.js";

const STATES = {
  [WAITING]: ["待发送", "info"],
  [STOPPED]: ["未保存", "bad"],
  [LINE]: ["待核对", "warn"],
};
const EDITED = "#queue-"; // as drafts.js reads it
const MOST_SHOWN = 4; // values of an entry in the list
const HALF_DAYS = [[16, "14:00", "16:00"], [11, "09:00", "11:00"]]; // over at that hour; as the server assumes them
const DAY = 86_400_000; // ms

const dayText = (at) => fullDay({ year: at.getFullYear(), month: at.getMonth() + 1, day: at.getDate(), weekday: at.getDay() });
const moment = (at) => `${at.getMonth() + 1}月${at.getDate()}日 ${two(at.getHours())}:${two(at.getMinutes())}`;

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  if (text) made.textContent = text;
  return made;
}

// The queue

function summaryOf({ text, shown = [] }) {
  const main = shown.filter(([, , isMain]) => isMain).map(([, value]) => value);
  return text ?? main.slice(0, MOST_SHOWN).join(" · ");
}

function textOf(entry) {
  const lines = entry.text ? [entry.text] : entry.shown.map(([label, value]) => `${label}：${value}`);
  const why = entry.why ? [`未保存的原因：${entry.why}`] : [];
  return [entry.title, `填写时间（本机）：${dayText(new Date(entry.at))} ${moment(new Date(entry.at)).split(" ")[1]}`, ...lines, ...why].join("\n");
}

function exportEntry(entry) {
  const file = new Blob([`\ufeff${textOf(entry)}\n`], { type: "text/plain;charset=utf-8" });
  const made = link("", URL.createObjectURL(file));
  made.download = `${entry.title}-${moment(new Date(entry.at)).replace(/[ :]/g, "-")}.txt`;
  made.click();
  setTimeout(() => URL.revokeObjectURL(made.href), DAY);
}

async function edit(entry) {
  if (entry.state === WAITING) await enqueue(entry, STOPPED); // not sent while it is changed
  location.assign(`${entry.page.split("#")[0]}${EDITED}${entry.key}`);
}

// Asks once more, at the same place.
function discardButton({ key }) {
  const ask = button("放弃", () => {
    const sure = button("确认放弃", async () => {
      await dequeue(key);
      announce();
    });
    sure.classList.add("btn-outline-danger");
    ask.replaceWith(sure);
    sure.focus();
  });
  return ask;
}

// Sent as if it were typed in the box anew: the server fills in the form, and saves nothing.
function checkForm({ key, text, at }) {
  const form = element("form", "post-form");
  form.method = "post";
  form.setAttribute("method", "post");
  form.action = "/visits/quick";
  form.dataset.line = key;
  form.dataset.at = at;
  const box = Object.assign(document.createElement("input"), { type: "hidden", name: "line", value: text });
  const send = Object.assign(element("button", "btn btn-sm btn-outline-primary", "填表核对"), { type: "submit" });
  form.append(box, send);
  return form;
}

function cardOf(entry) {
  const [words, tone] = STATES[entry.state];
  const card = element("section", "card queue-entry");
  const head = element("div", "queue-head");
  head.append(element("h2", "card-title", entry.title), element("span", `chip chip-tone-${tone}`, words));
  const body = element("div", "card-body");
  body.append(head, element("p", "queue-text", summaryOf(entry)), element("p", "visit-meta", `本机时间 ${moment(new Date(entry.at))} 填写`));
  if (entry.why) body.append(element("p", "field-error", entry.why));
  const actions = element("div", "queue-actions");
  actions.append(entry.state === LINE ? checkForm(entry) : button("修改", () => edit(entry)));
  actions.append(button("导出", () => exportEntry(entry)), discardButton(entry));
  body.append(actions);
  card.append(body);
  card.setAttribute("aria-label", entry.title);
  return card;
}

async function showQueue(list) {
  const person = await owner();
  const entries = await entriesOf(person);
  const parts = entries.map(cardOf);
  if (entries.some(({ state }) => state === WAITING)) {
    const now = button("立即发送", () => document.dispatchEvent(new Event("send")));
    now.className = "btn btn-primary";
    parts.unshift(now);
  }
  if (!parts.length) parts.push(alertBox(person ? "没有待发送的内容。" : "请先登录：待发送的内容只对填写人显示。", "info"));
  list.replaceChildren(...parts);
}

// The pages that are kept

// Read from the clock when the page is opened, not when it was kept; as the server assumes (crm/web/visits/forms.py).
function likelyHours(now) {
  for (const [over, starts, ends] of HALF_DAYS) if (now.getHours() >= over) return [now, starts, ends];
  const hour = now.getHours();
  if (hour > 9) return [now, `${two(hour - 1)}:00`, `${two(hour)}:00`];
  return [new Date(now.getTime() - DAY), ...HALF_DAYS[0].slice(1)];
}

// At once: what is typed while the names are read stays.
function fillTimes(form) {
  const asked = new URLSearchParams(location.search);
  const isPlanned = asked.get("status") === "planned";
  const now = new Date();
  const [day, starts, ends] = isPlanned ? [new Date(now.getTime() + DAY), "09:00", "11:00"] : likelyHours(now);
  if (!("filled" in form.dataset)) { // from a quick entry
    if (isPlanned) form.querySelector("[name=status][value=planned]").checked = true;
    form.elements.first_on.value = dayText(day);
    form.elements.starts.value = starts;
    form.elements.ends.value = ends;
  }
}

function offerNames(form, names) {
  const asked = new URLSearchParams(location.search);
  const lead = names?.leads.find(([id]) => id === asked.get("lead"));
  if (lead) form.elements.lead_ids.add(new Option(lead[1], lead[0], true, true));
  if (!names) return;
  const list = element("datalist", "");
  list.id = "cities";
  list.append(...names.cities.map((city) => new Option(city)));
  form.append(list);
  form.elements.city.setAttribute("list", list.id);
}

// From *my day* a line goes to the form, which has the names.
function carryLine(event) {
  const text = event.target.querySelector("[name=line]").value.trim();
  if (!text) return;
  event.preventDefault();
  location.assign(`/visits/new#line=${encodeURIComponent(text)}`);
}

// The follow-up that was asked for is unfolded, and what waits to be sent says so.
async function showDay() {
  const asked = /^\/followups\/(\d+)$/.exec(location.pathname);
  const fold = asked && document.getElementById(`followup-${asked[1]}`);
  if (fold) fold.open = true;
  fold?.scrollIntoView({ block: "center" });
  const waiting = new Set((await entriesOf(await owner())).map(({ address }) => address));
  for (const record of document.querySelectorAll(".offline-followup, .offline-visit")) {
    if (![...record.querySelectorAll("form")].some((form) => waiting.has(form.getAttribute("action")))) continue;
    const chip = element("span", "chip chip-tone-info", "待发送");
    if (record.matches(".offline-visit")) record.replaceChildren(chip);
    else record.querySelector("summary").append(chip);
  }
}

async function start() {
  const list = document.querySelector("[data-queue]");
  if (list) {
    onQueue(() => showQueue(list));
    return showQueue(list);
  }
  const form = document.querySelector(".entry-form:has([name=first_on])");
  if (!form) {
    document.addEventListener("line", carryLine);
    return showDay();
  }
  fillTimes(form);
  offerNames(form, await ownNames(await owner()));
}

start();
