// The words of a quick entry for its kind, next steps, commands and steps of a lead.
import { before, end, match, matches, search } from "./grammar.js";
import { hidden, inOrder } from "./text.js";

export function kindsIn(text, kinds) {
  const found = kinds.flatMap(({ kind, channel, pattern }) =>
    matches(pattern, text).map((word) => ({ span: { start: word.index, end: end(word) }, kind, channel })),
  );
  return found.sort(inOrder);
}

// As long as before, without what others say or wish.
export const withoutPromises = (text) =>
  matches("promised", text).reduce((head, { index, 0: words }) => hidden(head, index, index + words.length), text);

// Others may plan something else.
export const isPlanned = (text) =>
  matches("planning", text).some((word) => !before("others_plan", text.slice(0, word.index)));

export function commandIn(text) {
  const cancel = match("cancel", text) ?? match("cancelled", text);
  if (cancel) return { what: cancel.groups.what.trim(), reason: cancel.groups.why.trim(), to: "" };
  const move = match("move", text);
  return move && { what: move.groups.what.trim(), reason: move.groups.why.trim(), to: move.groups.to.trim() };
}

export function nextSteps(text, dates) {
  const found = [];
  for (const clause of text.matchAll(/[^,。;!?]+/g)) {
    const [from, to] = [clause.index, clause.index + clause[0].length];
    const inside = dates.filter((one) => from <= one.span.start && one.span.start < to);
    const begin = beginOf(text, from, to, inside);
    if (begin === null || (begin === 0 && !isDueAlone(text, inside, dates))) continue;
    const due = inside.find((one) => one.span.start >= begin) ?? null;
    let words = text.slice(begin, to);
    if (due) words = text.slice(begin, due.span.start) + text.slice(due.span.end, to);
    words = words.trim().replace(/^(?:下一步|下步)[:是,]?/, "").trim();
    found.push({ span: { start: begin, end: to }, text: words || text.slice(begin, to).trim(), due });
  }
  return found;
}

// The first clause has a deadline: it asks for something, or another one has the date of the visit.
const isDueAlone = (text, inside, dates) =>
  inside.some((one) => one.isDeadline) && (inside.length < dates.length || match("asks", text) !== null);

function beginOf(text, from, to, inside) {
  let words = search("next", text.slice(0, to), from);
  if (!words && inside.length && from > 0 && search("visited", text.slice(0, from))) {
    words = search("agreed", text.slice(0, to), from);
  }
  const deadline = inside.find((one) => one.isDeadline);
  const places = [];
  const asked = deadline ? search("asked", text.slice(0, deadline.span.start), from) : null;
  if (asked) places.push(asked.index);
  if (words) {
    const dated = inside.find((one) => one.span.end === words.index);
    places.push(dated ? dated.span.start : words.index);
  }
  if (deadline && (from > 0 || inside.length > 1)) places.push(deadline.span.start);
  return places.length ? Math.min(...places) : null;
}

// Words of a stage or of money offer the step, and change nothing.
export function stepIn(text) {
  const words = search("step", text);
  if (!words) return null;
  const stage = Object.keys(words.groups).find((name) => words.groups[name] !== undefined);
  return { words: words[0], stage: stage === "money" ? null : stage, amount: search("amount", text)?.[0] ?? "" };
}
