// The board of leads by stage. Cards are dragged, or moved by their link 移到: either opens one small form in a window.
// Loads htmx itself, so the page needs no other script.
import htmx from "htmx.org/dist/htmx.esm.js";
import Sortable from "sortablejs";
import { DRAGGING } from "./dragging.js";
import { alertBox, tell } from "./notices.js";
import "./swaps.js";

const NOT_SAVED = "未保存：网络不通或服务异常，请稍后重试。";
const board = document.querySelector(".kanban");
const dialog = document.getElementById("move");
const content = dialog.firstElementChild;
const titleOf = (card) => card?.querySelector("a");
let home = null; // of a card that was dropped elsewhere and is not moved yet

function ask(address) {
  htmx.ajax("GET", address, { target: content, swap: "innerHTML" });
}

function putBack() {
  if (!home) return;
  const { card, list, before } = home;
  home = null;
  list.insertBefore(card, before?.parentNode === list ? before : null);
  titleOf(card).focus({ preventScroll: true });
}

// The window

document.addEventListener("click", (event) => {
  const link = event.target.closest?.('.kanban a[href*="/move"], [data-close]');
  if (!link || (link.dataset.close !== undefined && !dialog.contains(link))) return;
  event.preventDefault();
  if (dialog.contains(link)) dialog.close();
  else ask(link.href);
});
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside it
dialog.addEventListener("close", putBack);
dialog.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const links = [...dialog.querySelectorAll(".kanban-choices a")];
  if (!step || !links.length) return;
  event.preventDefault();
  links.at((links.indexOf(document.activeElement) + step) % links.length).focus();
});

// settled, its links are fetched by script, however fast one presses Enter
content.addEventListener("htmx:afterSettle", (event) => {
  if (event.target !== content || !content.childElementCount) return;
  if (!dialog.open) dialog.showModal();
  const first = content.querySelector(".is-invalid input, input.is-invalid, .kanban-choices a, input[type=radio]");
  (first ?? content.querySelector("[type=submit], a")).focus();
});

for (const name of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(name, () => {
    if (dialog.open) content.prepend(alertBox(NOT_SAVED, "danger"));
    else putBack();
  });
}

// The server has moved the card; its answer holds the card and the heads of the two columns.
document.addEventListener("moved", ({ detail }) => {
  home = null;
  const id = `lead-${detail.lead}`;
  document.getElementById(id)?.remove();
  dialog.close();
  const focus = () => titleOf(document.getElementById(id))?.focus({ preventScroll: true });
  document.addEventListener("htmx:afterSettle", focus, { once: true });
  document.getElementById("moved").textContent = detail.text;
});

// Further cards: focus goes on to the first of them; a card that was moved to the top of its column stands there only once.

let last = null;
board.addEventListener("htmx:beforeSwap", ({ target }) => {
  if (target.matches(".kanban-more")) last = target.previousElementSibling;
});
board.addEventListener("htmx:afterSettle", () => {
  const seen = new Set();
  for (const card of [...board.querySelectorAll(".kanban-cards > li[id]")].reverse()) {
    if (seen.has(card.id)) card.remove();
    seen.add(card.id);
  }
  if (last) titleOf(last.nextElementSibling)?.focus({ preventScroll: true });
  last = null;
});

// Dragging

const columnAt = ({ clientX, clientY, changedTouches }) => {
  const { clientX: x, clientY: y } = changedTouches?.[0] ?? { clientX, clientY };
  return document.elementFromPoint(x, y)?.closest(".kanban-column");
};

function onStart({ item, from }) {
  document.getElementById("messages").replaceChildren();
  home = { card: item, list: from, before: item.nextElementSibling };
  const column = from.parentElement;
  const targets = new Set([column.dataset.stage, ...column.dataset.targets.split(" ")]);
  for (const other of board.children) other.classList.toggle("closed", !targets.has(other.dataset.stage));
  board.classList.add("dragging");
}

function onEnd({ item, from, to, originalEvent }) {
  board.classList.remove("dragging");
  for (const column of board.children) column.classList.remove("closed");
  if (from === to) {
    const over = originalEvent && columnAt(originalEvent);
    home = null;
    if (over && over !== from.parentElement) tell(board.dataset.refused, "warning");
    return;
  }
  const address = new URL(item.querySelector('a[href*="/move"]').href);
  address.searchParams.set("to", to.parentElement.dataset.stage);
  ask(address.pathname + address.search);
}

let isHeld = false;
board.addEventListener("contextmenu", (event) => isHeld && event.preventDefault()); // of a long press on a link

for (const list of board.querySelectorAll(".kanban-cards")) {
  Sortable.create(list, {
    group: {
      name: "board",
      put: (to, from) => from.el.parentElement.dataset.targets.split(" ").includes(to.el.parentElement.dataset.stage),
    },
    ...DRAGGING,
    onChoose: () => (isHeld = true),
    onUnchoose: () => (isHeld = false),
    onStart,
    onEnd,
  });
}

// Arrows lead from card to card.

board.addEventListener("keydown", (event) => {
  const card = event.target.closest(".kanban-cards > li[id]");
  if (!card || event.ctrlKey || event.metaKey || event.altKey) return;
  const cards = [...card.parentElement.querySelectorAll("li[id]")];
  const place = cards.indexOf(card);
  let next = { ArrowDown: cards[place + 1], ArrowUp: cards[place - 1] }[event.key];
  const side = { ArrowRight: "nextElementSibling", ArrowLeft: "previousElementSibling" }[event.key];
  for (let column = card.closest(".kanban-column")[side]; side && column && !next; column = column[side]) {
    const others = column.querySelectorAll("li[id]");
    next = others[Math.min(place, others.length - 1)];
  }
  if (!next) return;
  event.preventDefault();
  titleOf(next).focus();
});

// The undo of a move loads the page anew: it opens where one was, sideways too.
const KEY = `place-x:${location.pathname}`;
addEventListener("pagehide", () => sessionStorage.setItem(KEY, board.scrollLeft));
if (document.querySelector("#messages > .alert-success")) board.scrollLeft = Number(sessionStorage.getItem(KEY));
