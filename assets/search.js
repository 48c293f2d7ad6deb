// The search of everything: one box on every page. Without script its form opens the page of what is found.
import { menuLinks } from "./dialogs.js";

const PAUSE = 150; // ms after the last letter
const MOST_PAGES = 4;

const form = document.querySelector("form[data-find]"); // none for whoever sees no records
const input = form?.querySelector("input");
const panel = made("div", { className: "find-panel", hidden: true });
const list = made("div", { id: "find-list", role: "listbox", ariaLabel: "搜索结果" });
const remark = made("div", { role: "status" });
const cancel = made("button", { type: "button", className: "find-cancel", textContent: "取消" });
let asked; // the question under way
let timer;

function made(tag, { role, ...values }) {
  const element = Object.assign(document.createElement(tag), values);
  if (role) element.setAttribute("role", role);
  return element;
}

const options = () => [...list.querySelectorAll("[role=option]")];
const active = () => options().find((option) => option.getAttribute("aria-selected") === "true");

function choose(option) {
  for (const other of options()) other.setAttribute("aria-selected", other === option);
  if (!option) return input.removeAttribute("aria-activedescendant");
  input.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

function show(groups, words) {
  list.replaceChildren(...groups);
  remark.replaceChildren(...words);
  panel.hidden = !groups.length && !words.length;
  input.setAttribute("aria-expanded", groups.length > 0);
  choose(options().find((option) => !option.matches(".found-all")));
}

function close() {
  clearTimeout(timer);
  asked?.abort();
  show([], []);
  form.classList.remove("is-open");
}

// The pages of the menu are known without asking.
function pages(words) {
  const links = menuLinks().filter((link) => link.textContent.includes(words)).slice(0, MOST_PAGES);
  if (!links.length) return [];
  const group = made("div", { role: "group", ariaLabel: "页面" });
  group.append(made("p", { className: "found-kind", role: "presentation", textContent: "页面" }));
  for (const [index, link] of links.entries()) {
    const row = { id: `find-page-${index}`, className: "found", role: "option", tabIndex: -1, href: link.href };
    group.append(made("a", { ...row, textContent: link.textContent.trim() }));
  }
  return [group];
}

async function ask(words) {
  asked = new AbortController();
  const { signal } = asked;
  try {
    const answer = await fetch(`${form.action}/found?q=${encodeURIComponent(words)}`, { signal, redirect: "error" });
    if (!answer.ok) throw new Error(answer.status);
    const found = made("template", { innerHTML: await answer.text() }).content;
    const groups = [...found.querySelectorAll("[role=group]")];
    if (!signal.aborted) show([...pages(words), ...groups], [...found.querySelectorAll(".found-nothing")]);
  } catch {
    if (!signal.aborted) show(pages(words), [made("p", { textContent: "未能搜索，请按回车键重试。" })]);
  }
}

function onInput() {
  const words = input.value.normalize("NFKC").trim();
  clearTimeout(timer);
  asked?.abort();
  if (!words) return show([], []);
  timer = setTimeout(ask, PAUSE, words);
}

function onKey(event) {
  if (event.isComposing) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && options().length) {
    const all = options();
    choose(all.at((all.indexOf(active()) + step) % all.length));
  } else if (event.key === "Enter" && active()) {
    active().click();
  } else if (event.key === "Escape" && (!panel.hidden || form.classList.contains("is-open"))) {
    close();
  } else return;
  event.preventDefault();
}

export const hasSearch = Boolean(form);

export function openSearch() {
  form.classList.add("is-open"); // narrow screens have no room for the box but over the bar
  input.focus();
  input.select();
}

export function startSearch() {
  if (!form) return;
  const roles = { role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list" };
  for (const [name, value] of Object.entries(roles)) input.setAttribute(name, value);
  panel.append(list, remark);
  form.append(cancel, panel);

  input.addEventListener("input", onInput);
  input.addEventListener("keydown", onKey);
  cancel.addEventListener("click", close);
  document.querySelector(".find-open").addEventListener("click", (event) => {
    event.preventDefault();
    openSearch();
  });
  form.addEventListener("focusout", ({ relatedTarget }) => relatedTarget && !form.contains(relatedTarget) && close());
  document.addEventListener("pointerdown", ({ target }) => {
    if (!form.contains(target) && !target.closest(".find-open")) close();
  });
  addEventListener("pageshow", ({ persisted }) => persisted && close());
}
