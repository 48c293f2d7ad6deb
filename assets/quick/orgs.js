// Companies that the records do not have.
import { end, match, search, start } from "./grammar.js";
import { READ_NAME } from "./text.js";

const PATTERNS = ["org", "org_famous", "org_listed", "org_of", "org_plain", "org_between", "org_next", "org_of_city", "org_of_district"];
const OF_PLACES = ["org_of_city", "org_of_district"];
const CITY_REACH = 10; // characters before 的 that hold the city, with its district
const DISTRICT = 5;
const WITHOUT_TRADE = ["org_plain", "org_between", "org_next"];

// Names that end or stand as companies' names do; the city, read already, may be the beginning of one.
export function companiesNamed(line, text, city, cities) {
  const found = [];
  for (const kind of PATTERNS) {
    let at = 0;
    for (let named; (named = search(kind, text, at)); ) {
      const span = { start: start(named, "name"), end: end(named, "name") };
      at = Math.max(span.end - 1, named.index + 1);
      const { name } = named.groups;
      if (cities.has(name) || !line.isFree(span.start, span.end) || search("no_company", name)) continue;
      if (match("code_name", text, span.end)) continue;
      if (OF_PLACES.includes(kind) && isOnlySaid(line, span.start)) continue;
      if (kind === "org_of_city" && !endsWithCity(line.plain.slice(0, span.start - 1), cities)) continue;
      if (WITHOUT_TRADE.includes(kind) && isPerson(text, span.start, name)) continue;
      line.take(span.start, span.end);
      text = text.slice(0, span.start) + READ_NAME.repeat(span.end - span.start) + text.slice(span.end);
      found.push({ span, name: withCity(line, span.start, city) + name });
    }
  }
  return found;
}

// 对方在苏州的星野电子占股三成
const isOnlySaid = (line, at) => search("said_of", line.plain.slice(line.clauseAt(at).start, at)) !== null;

// 深圳, 深圳南山
function endsWithCity(head, cities) {
  const tail = head.slice(-CITY_REACH);
  for (let length = 2; length < 7; length += 1) {
    for (let at = Math.max(0, tail.length - length - DISTRICT); at + length <= tail.length; at += 1) {
      if (cities.has(tail.slice(at, at + length))) return true;
    }
  }
  return false;
}

// 拜访周建国
const isPerson = (text, at, name) =>
  match("person_only", name) !== null && search("site_only", text.slice(0, at).trimEnd()) === null;

function withCity(line, at, city) {
  const head = line.plain.slice(0, at);
  if (!city || !head.endsWith(city)) return "";
  return search("place_before", head.slice(0, head.length - city.length)) ? "" : city;
}
