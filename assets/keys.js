// The keys of every page. KEYS is the one list, from which both the handler and the help are made.
import { dialogOf, menuLinks } from "./dialogs.js";
import { button } from "./notices.js";
import { hasSearch, openSearch } from "./search.js";

const GOES = {
  h: "/",
  v: "/visits",
  l: "/leads",
  b: "/compliance",
  f: "/followups",
  s: "/supervision",
  t: "/targets",
  d: "/digests",
};
const WAIT = 1500; // ms between g and its letter

const menuLink = (path) => menuLinks().find((link) => link.getAttribute("href") === path);
const go = (path) => () => location.assign(path);

// Only what the person's menu holds.
function keys() {
  const list = [];
  if (hasSearch) {
    list.push({ press: ["/"], words: "搜索全部", act: openSearch });
    list.push({ press: ["Ctrl", "K"], words: "搜索全部", act: openSearch });
  }
  if (menuLink("/visits")) list.push({ press: ["n"], words: "登记拜访", act: go("/visits/new") });
  for (const [letter, path] of Object.entries(GOES)) {
    const place = menuLink(path);
    if (place) list.push({ press: ["g", letter], words: place.textContent.trim(), act: go(path) });
  }
  list.push({ press: ["?"], words: "显示本表", act: showHelp }, { press: ["Esc"], words: "关闭菜单和窗口" });
  return list;
}

function showHelp() {
  const dialog = dialogOf("palette keys-help", "键盘快捷键");
  const head = document.createElement("h2");
  head.textContent = "键盘快捷键";
  const list = document.createElement("dl");
  for (const { press, words } of keys()) {
    const names = document.createElement("dt");
    for (const name of press) names.append(Object.assign(document.createElement("kbd"), { textContent: name }));
    list.append(names, Object.assign(document.createElement("dd"), { textContent: words }));
  }
  dialog.append(head, list, button("关闭", () => dialog.close()));
  dialog.showModal();
}

const TYPED_INTO = "select, textarea, [contenteditable], input:not([type=radio], [type=checkbox])";

function isOff(event) {
  if (event.defaultPrevented || event.isComposing || event.target.matches?.(TYPED_INTO)) return true;
  // a form that met somebody else's change is decided with care, not left by a slip of the hand
  return document.body.dataset.status === "409" || document.querySelector("dialog[open]") !== null;
}

let ends = 0; // until when a letter goes with g

function onKey(event) {
  if (isOff(event)) return;
  const isControl = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
  let pressed = null;
  if (isControl && event.key.toLowerCase() === "k") pressed = "Ctrl K";
  else if (isPlain) pressed = event.timeStamp < ends ? `g ${event.key}` : event.key;

  ends = pressed === "g" ? event.timeStamp + WAIT : 0;
  const found = keys().find(({ press, act }) => act && press.join(" ") === pressed);
  if (!found) return;
  event.preventDefault();
  found.act();
}

export function startKeys() {
  if (!document.body.dataset.person) return;
  document.addEventListener("keydown", onKey);
  for (const item of document.querySelectorAll("[data-keys]")) {
    item.hidden = false;
    item.addEventListener("click", showHelp);
  }
}
