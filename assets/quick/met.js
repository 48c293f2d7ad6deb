// Those met, with their positions.
import { end, match, search, start } from "./grammar.js";
import { inOrder } from "./text.js";

// the surest first: what one pattern has read, the next ones leave
const PATTERNS = [
  "met_position", "met_first", "met_titled", "met_nickname", "met_plain", "met_rare", "met_guessed", "met_stranger",
];

const REACH = 40; // characters before a name that the patterns which end there look at
const REACH_OF_CLAUSE = 120;
const REACH_OF_WORD = 14;

// `companies`: where they end.
export function metIn(line, text, companies) {
  const found = [];
  for (const kind of PATTERNS) found.push(...metBy(kind, line, text, found, companies));
  return found.sort(inOrder);
}

function metBy(kind, line, text, others, companies) {
  const found = [];
  let at = 0;
  for (let met; (met = search(kind, text, at)); ) {
    at = met.index + 1;
    let { name, side, position, bracket, after } = met.groups;
    const span = { start: start(met, side ? "side" : position ? "position" : "name"), end: end(met) };
    if (!line.isFree(span.start, span.end)) [span.end, bracket] = [end(met, after ? "after" : "name"), null]; // Alice Wang（溟南显示）
    if (!line.isFree(span.start, span.end)) continue;
    const isSure = isSurelyMet(kind, line, text, span, position, [...others, ...found], companies);
    if (isSure === null) continue;
    line.take(span.start, span.end);
    found.push({ span, name, position: [position || after, bracket].filter(Boolean).join("、") || null, isSure });
    at = span.end;
  }
  return found;
}

// Null where the words name nobody met.
function isSurelyMet(kind, line, text, span, position, others, companies) {
  const whole = text.slice(Math.max(0, span.start - REACH), span.start);
  const bare = text.slice(0, span.start).trimEnd().replace(/的$/, "");
  const clause = line.clauseAt(span.start);
  const said = text.slice(Math.max(clause.start, span.start - REACH_OF_CLAUSE), span.start);
  const isMissed = match("missed", text, span.end) || (!search("met_already", said) && match("missed_later", text, span.end));
  if (search("not_met", bare.slice(-REACH)) || isMissed || search("our_side", whole)) return null;
  const isRead = (words) => Boolean(words) && !line.isFree(words.length - 1, words.length);
  const opened = bare.replace(/[ (]+$/, "");
  const is = {
    ofCompany: companies.includes(opened.length),
    afterRead: isRead(opened),
    listed:
      search("listed", whole) !== null &&
      others.some((other) => inOrder(other, { span }) < 0 && other.span.end >= span.start - 2),
    direct: search("met_before", whole) !== null,
    surely: search("met_verb", said) !== null,
    told: search("with_before", said) !== null,
  };
  is.begun = search("begun", whole.slice(-REACH_OF_WORD)) !== null || is.afterRead;
  is.told ||= is.surely;
  is.alone = match("clause_end", text, span.end) !== null && isRead(bare.replace(/[ ,、:;]+$/, ""));

  if (kind === "met_guessed") return (position && is.begun) || is.direct ? false : null;
  if (kind === "met_stranger") return is.direct || is.listed || is.ofCompany ? false : null;
  if (kind === "met_plain" || kind === "met_rare") return isSureByName(kind, text, span, whole, is);
  const isOfficial = search("official", text.slice(span.start, span.end)) !== null;
  // 康达总经理 may be of a company
  const isIntended = clause.start > 0 && search("intended", said) !== null;
  const isWhole = kind === "met_first" ? match("full_name", text, span.start) !== null : kind !== "met_titled" || !match("unclear", text, span.start);
  const isClear = isWhole && !isIntended;
  if (is.ofCompany) return (kind === "met_first" && !isIntended) || isClear;
  if (is.listed || is.direct) return isClear && !isOfficial;
  if (kind === "met_position") return is.begun && !isIntended;
  const isIntroduced = search("introduced", whole) && search("met_verb", text.slice(0, span.start)); // 见了两位客商，一位是做刀具的郭总
  const speaks = span.start === clause.start && match("speaks", text, span.end) !== null;
  return is.told || is.alone || speaks || is.afterRead || isIntroduced ? is.begun && is.surely && kind === "met_titled" && isClear && !isOfficial : null;
}

function isSureByName(kind, text, span, whole, is) {
  if (is.direct || is.listed || (kind === "met_rare" && is.ofCompany)) {
    return kind === "met_plain" && match("full_name", text, span.start) !== null && !match("unclear", text, span.start);
  }
  const isOfCompany = is.ofCompany && is.told && (whole.endsWith("的") || match("full_name", text, span.start) !== null);
  return search("companion", whole) || isOfCompany || is.alone ? false : null;
}
