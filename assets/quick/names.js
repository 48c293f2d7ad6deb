// The people, companies and cities named in a quick entry.
import { end, match, matches, search, start } from "./grammar.js";
import { companiesNamed } from "./orgs.js";
import { READ, READ_NAME, inOrder } from "./text.js";

export const SURE = "sure";
export const ASSUMED = "assumed";
export const CHOOSE = "choose";
const SHORT_CITIES = {
  京: "北京", 沪: "上海", 津: "天津", 渝: "重庆", 穗: "广州", 深: "深圳", 蓉: "成都", 汉: "武汉", 杭: "杭州", 宁: "南京", 锡: "无锡",
};
const SHORTEST_PART = 2;

function* placesOf(word, text) {
  for (let at = text.indexOf(word); word && at >= 0; at = text.indexOf(word, at + word.length)) yield at;
}

const certaintyOf = (people, isPlain) => (people.length > 1 ? CHOOSE : isPlain ? ASSUMED : SURE);

export const peopleIn = (line, text, colleagues) =>
  [...namedPeople(line, text, colleagues), ...titledPeople(line, text, colleagues)].sort(inOrder);

function namedPeople(line, text, colleagues) {
  const tokens = matches("token", text).map(([token]) => token);
  const spelled = (person) => tokens.filter((token) => person.search.split(" ").includes(token.toLowerCase()));
  const hits = colleagues.flatMap((person) =>
    [person.name, ...spelled(person)].flatMap((word) =>
      [...placesOf(word, text)].map((at) => ({ start: at, end: at + word.length, person })),
    ),
  );
  const found = [];
  let joinedTo = -1; // a list of names goes on from the one before
  for (const hit of [...hits].sort((one, other) => one.start - other.start || other.end - one.end)) {
    if (!line.isFree(hit.start, hit.end) || isAway(text, hit)) continue;
    const people = [
      ...new Set(hits.filter((one) => one.start === hit.start && one.end === hit.end).map((one) => one.person)),
    ];
    const part = partOf(line, text, hit, joinedTo);
    if (!part) continue;
    const isPlain = part.start === hit.start && part.end === hit.end; // a name without a word for its part
    const titled = match("title_after", text, part.end);
    const span = { start: part.start, end: titled ? end(titled) : part.end };
    line.take(span.start, span.end);
    joinedTo = span.end;
    found.push({ span, leads: part.leads, people, certainty: certaintyOf(people, isPlain) });
  }
  return found;
}

// Who was reported to, or stayed away, did not join.
const isAway = (text, span) => search("away", text.slice(0, span.start)) !== null || match("told", text, span.end) !== null;

// With marks for those colleagues: nobody met has their names.
export function withoutTheAway(text, colleagues) {
  for (const { name } of colleagues) {
    for (const at of placesOf(name, text)) {
      const to = at + name.length;
      if (isAway(text, { start: at, end: to })) text = text.slice(0, at) + READ.repeat(name.length) + text.slice(to);
    }
  }
  return text;
}

function partOf(line, text, hit, joinedTo) {
  const head = text.slice(0, hit.start);
  const leads = search("leader_before", head);
  if (leads) return { start: leads.index, end: hit.end, leads: true };
  const after = soonAfter("leader_after", line, text, hit.end); // a date may stand between: 谭明屿周四带队
  if (after) return { start: hit.start, end: end(after), leads: true };
  const joins = search("companion_before", head);
  const joined = match("companion_after", text, hit.end);
  const joining = { end: joined ? end(joined) : hit.end, leads: false };
  if (joins && (joins[0] !== "、" || joinedTo === joins.index)) return { start: joins.index, ...joining };
  const isName = text.slice(hit.start, hit.end) === hit.person.name;
  if (!isName || search("met_verb_before", head.slice(-4))) return null;
  const hosts = soonAfter("hosts_after", line, text, hit.end);
  if (hosts) return { start: hit.start, end: hit.end, leads: true };
  return { start: hit.start, ...joining };
}

// The match after a name; a date, of which a part may be read, may stand between.
function soonAfter(name, line, text, end) {
  let last = line.nextFree(end);
  for (let gap; (gap = match("gap", text, last)); ) last = line.nextFree(gap.index + gap[0].length);
  for (let at = end; at <= last; at += 1) {
    const found = match(name, text, at);
    if (found) return found;
  }
  return null;
}

// 陪严主任, 严主任带队
function titledPeople(line, text, colleagues) {
  const found = [];
  let at = 0;
  for (let title; (title = search("titled", text, at)); ) {
    const span = { start: title.index, end: end(title) };
    at = span.start + 1;
    const { lead, with: companion, surname } = title.groups;
    const people = colleagues.filter((one) => one.name.startsWith(surname));
    if (!people.length || !line.isFree(span.start, span.end) || isAway(text, span)) continue;
    const after = soonAfter("leader_after", line, text, span.end);
    const leads = Boolean(lead || after || soonAfter("hosts_after", line, text, span.end));
    if (!leads && !companion && span.start !== line.clauseAt(span.start).start) continue;
    if (after) span.end = end(after);
    at = span.end;
    line.take(span.start, span.end);
    found.push({ span, leads, people, certainty: certaintyOf(people, true) });
  }
  return found;
}

export const knownCompaniesIn = (line, text, known) => [
  ...wholeNames(line, text, [...known, ...known.flatMap(titlesOf)]),
  ...initials(line, text, known),
  ...partsOfNames(line, text, known),
];

// The leads of a company, by their titles.
const titlesOf = ({ company, leads }) => leads.map((lead) => ({ names: [lead[1].toLowerCase()], company, leads: [lead] }));

const longestFirst = (one, other) => one.start - one.end - (other.start - other.end) || one.start - other.start;

function wholeNames(line, text, known) {
  const lowered = text.toLowerCase();
  const hits = new Map();
  for (const { names } of known) {
    for (const name of names) {
      for (const at of placesOf(name, lowered)) hits.set(`${at}-${name.length}`, { start: at, end: at + name.length });
    }
  }
  return [...hits.values()].sort(longestFirst).flatMap((span) => {
    if (!line.isFree(span.start, span.end)) return [];
    const records = known.filter(({ names }) => names.includes(lowered.slice(span.start, span.end)));
    const legal = match("legal_form", text, span.end);
    return [foundOf(line, { start: span.start, end: legal ? end(legal) : span.end }, records, true)];
  });
}

function initials(line, text, known) {
  return matches("token", text).flatMap((token) => {
    const records = known.filter((one) => one.initials.includes(token[0].toLowerCase()));
    const [from, to] = [token.index, end(token)];
    return records.length && line.isFree(from, to) ? [foundOf(line, { start: from, end: to }, records, false)] : [];
  });
}

// Names of which the text has only the beginning, between words that border a name.
function partsOfNames(line, text, known) {
  const longest = new Map();
  for (const record of known) {
    for (const name of record.names) {
      for (const at of placesOf(name.slice(0, SHORTEST_PART), text)) {
        const span = { start: at, end: at + commonLength(name, text.slice(at)) };
        const key = `${span.start}-${span.end}`;
        if (!longest.has(key)) longest.set(key, { ...span, records: new Set() });
        longest.get(key).records.add(record);
      }
    }
  }
  return [...longest.values()].sort(longestFirst).flatMap((span) =>
    isBordered(line, text, span) && line.isFree(span.start, span.end)
      ? [foundOf(line, { start: span.start, end: span.end }, [...span.records], false)]
      : [],
  );
}

function isBordered(line, text, span) {
  const isBegun = search("before_name", text.slice(0, span.start)) || !line.isFree(Math.max(0, span.start - 1), span.start);
  const isEnded = match("after_name", text, span.end) || !line.isFree(span.end, span.end + 1);
  return Boolean(isBegun && (isEnded || match("person_after", text, span.end)));
}

function commonLength(name, text) {
  const lowered = text.toLowerCase();
  const most = Math.min(name.length, lowered.length);
  for (let at = 0; at < most; at += 1) if (name[at] !== lowered[at]) return at;
  return most;
}

function foundOf(line, span, records, isExact) {
  const name = line.take(span.start, span.end);
  const meant = new Set(records.map((one) => JSON.stringify(one.company ?? one.leads)));
  const certainty = meant.size > 1 ? CHOOSE : isExact ? SURE : ASSUMED;
  return { span, known: records, name, certainty };
}

// With marks for the names of companies: none begins right after another.
export const withNamesRead = (text, companies) =>
  companies.reduce(
    (read, { span }) => read.slice(0, span.start) + READ_NAME.repeat(span.end - span.start) + read.slice(span.end), text,
  );

// Companies that the records do not have.
export const unknownCompaniesIn = (line, text, city, cities) =>
  companiesNamed(line, text, city, cities).map((one) => ({ ...one, known: [], certainty: ASSUMED }));

// The city of the text, where what is read is hidden.
export function cityIn(line, text, cities) {
  const all = [...citiesIn(text, cities)];
  const there = all.filter(({ span }) => !search("not_there", text.slice(0, span.start)) || match("back", text, span.end));
  const [found] = there.length ? there : all;
  if (!found) return shortCityIn(line, text);
  line.take(found.span.start, found.span.end);
  const isOne = there.length && there.every(({ city }) => city === found.city); // 去苏州，顺道去无锡; 本来要去太仓
  return isOne ? found : { ...found, certainty: ASSUMED };
}

function* citiesIn(text, cities) {
  for (let from = 0; from < text.length; from += 1) {
    for (let length = 6; length > 1; length -= 1) {
      const [city, to] = [text.slice(from, from + length), Math.min(from + length, text.length)];
      if (!cities.has(city) || match("road", text, to) || match("famous", text, from)) continue;
      const isCity = text[to] === "市";
      const isSure = isCity || Boolean(search("place_before", text.slice(0, from)));
      if (!isSure && !search("before_name", text.slice(0, from))) continue;
      const part = match("city_part", text, to + (isCity ? 1 : 0));
      const span = { start: from, end: part ? end(part) : to + (isCity ? 1 : 0) };
      yield { span, city, certainty: isSure && !joinsCity(text, to, cities) ? SURE : ASSUMED };
    }
  }
}

// 赴京, 在沪
function shortCityIn(line, text) {
  const short = search("short_city", text);
  if (!short) return null;
  const span = { start: start(short, "city"), end: end(short, "city") };
  line.take(span.start, span.end);
  return { span, city: SHORT_CITIES[short.groups.city], certainty: ASSUMED };
}

// 常州和无锡
function joinsCity(text, at, cities) {
  const joint = match("and", text, at);
  return Boolean(joint) && [2, 3, 4, 5, 6].some((length) => cities.has(text.slice(end(joint), end(joint) + length)));
}
