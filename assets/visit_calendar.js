// The calendar of visits: planned ones are dragged to another day, or moved by Alt and the arrows.
// Both send the form of the page, whose answer asks or tells as 改期 does everywhere.
import Sortable from "sortablejs";
import { DRAGGING } from "./dragging.js";

const DAY = 86400000;
const grid = document.querySelector(".cal");
const form = document.getElementById("cal-move");
const dayOf = (element) => element.closest("[data-on]").dataset.on;
const plus = (on, days) => new Date(Date.parse(on) + days * DAY).toISOString().slice(0, 10);

function move(item, days) {
  if (!days) return;
  form.action = item.dataset.move;
  form.elements.on.value = plus(item.dataset.first, days);
  form.requestSubmit();
}

for (const list of grid.querySelectorAll(".cal-list")) {
  Sortable.create(list, {
    ...DRAGGING,
    group: "calendar",
    fallbackClass: "cal-ghost",
    onEnd: ({ item, from, to }) => move(item, (Date.parse(dayOf(to)) - Date.parse(dayOf(from))) / DAY),
  });
}

const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
grid.addEventListener("keydown", (event) => {
  const item = event.target.closest(".movable");
  if (!item || !event.altKey || event.ctrlKey || event.metaKey || !STEPS[event.key]) return;
  event.preventDefault();
  move(item, STEPS[event.key]);
});
