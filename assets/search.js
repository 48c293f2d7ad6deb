// One search for every page: what the menu holds, leads, people, and the lists searched for the same words.
import { dialogOf, menuLinks } from "./dialogs.js";

const PAUSE = 200; // ms after the last letter
const FEW = 6; // of each kind

const wordsOf = (text) => text.normalize("NFKC").trim();
const placeOf = (path, words) => `${path}${encodeURIComponent(words)}`;

function row(words, note, address) {
  const link = document.createElement("a");
  link.href = address;
  const name = document.createElement("span");
  name.textContent = words;
  const kind = document.createElement("span");
  kind.className = "card-hint";
  kind.textContent = note;
  link.append(name, kind);
  return link;
}

async function found(kind, words) {
  try {
    const answer = await fetch(placeOf(`/choices/${kind}?q=`, words), { redirect: "error" });
    return answer.ok ? (await answer.json()).found.slice(0, FEW) : [];
  } catch {
    return []; // the lists below can be searched all the same
  }
}

function pages(words) {
  const links = menuLinks().filter((link) => link.textContent.includes(words));
  return links.map((link) => row(link.textContent.trim(), "页面", link.href));
}

function lists(words) {
  const has = (path) => menuLinks().some((link) => link.getAttribute("href") === path);
  const rows = [];
  if (has("/leads")) rows.push(row(`在线索中查找“${words}”`, "线索", placeOf("/leads?q=", words)));
  if (has("/visits")) rows.push(row(`在拜访中查找“${words}”`, "拜访", placeOf("/visits?who=all&q=", words)));
  return rows;
}

function move(event, dialog) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const places = [...dialog.querySelectorAll("input, a")];
  const next = places[places.indexOf(document.activeElement) + step];
  event.preventDefault();
  next?.focus();
}

export function openSearch() {
  const dialog = dialogOf("palette", "搜索");
  const form = document.createElement("form");
  form.setAttribute("role", "search");
  // no search field: there Escape empties it before it closes the dialog
  const input = Object.assign(document.createElement("input"), { type: "text", inputMode: "search", className: "form-control" });
  input.autocomplete = "off";
  input.placeholder = "线索、人员或页面";
  input.setAttribute("aria-label", "搜索线索、人员或页面");
  const list = document.createElement("div");
  list.className = "palette-list";
  form.append(input);
  dialog.append(form, list);

  let timer;
  const showFound = async (words) => {
    const [leads, people] = await Promise.all([found("leads", words), found("people", words)]);
    if (wordsOf(input.value) !== words || list.contains(document.activeElement)) return;
    const rows = [
      ...leads.map(({ value, text, note }) => row(text, note || "线索", `/leads/${value}`)),
      ...people.map(({ text, note }) => row(text, note || "人员", placeOf("/visits?who=all&q=", text))),
    ];
    list.replaceChildren(...pages(words), ...rows, ...lists(words));
  };
  const onInput = () => {
    const words = wordsOf(input.value);
    clearTimeout(timer);
    list.replaceChildren(...pages(words), ...(words ? lists(words) : []));
    if (words) timer = setTimeout(showFound, PAUSE, words);
  };
  input.addEventListener("input", onInput);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    list.querySelector("a")?.click();
  });
  dialog.addEventListener("keydown", (event) => move(event, dialog));
  onInput();
  dialog.showModal();
}
