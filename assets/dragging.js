// How things are dragged, with the mouse and with a finger.
const HOLD = 300; // ms that a finger rests on a thing before it is dragged, so that swiping still scrolls

export const DRAGGING = {
  draggable: ".movable",
  sort: false,
  forceFallback: true, // the browser's own dragging knows neither fingers nor our look
  fallbackOnBody: true,
  fallbackClass: "kanban-ghost",
  fallbackTolerance: 4, // px: a click is no drag
  delay: HOLD,
  delayOnTouchOnly: true,
  touchStartThreshold: 6,
  scrollSensitivity: 60,
};
