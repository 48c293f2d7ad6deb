// A line of text becomes the draft of a visit, as on the server (crm/visits/quick_entry.py), where there is no network.
import { datesIn, withLength } from "./dates.js";
import { match, matches, search, useGrammar } from "./grammar.js";
import { metIn } from "./met.js";
import { ASSUMED, CHOOSE, SURE, cityIn, knownCompaniesIn, peopleIn, unknownCompaniesIn, withNamesRead, withoutTheAway } from "./names.js";
import { Line, hidden, inOrder, plain } from "./text.js";
import { DAY, hoursIn } from "./times.js";
import { commandIn, isPlanned, kindsIn, nextSteps, stepIn, withoutPromises } from "./words.js";

const WHOLE_DAY = [9 * 60, 17 * 60];
const LISTED = ["、", "和", "与", "及"];
const FEW = 2; // characters beside a date in a clause of its own
const STAY = [9 * 60, 18 * 60];
export const LONGEST = 500; // characters of one entry
const NEEDS_COMPANY = ["outreach", "reception", "remote"];

// `world`: grammar, kinds, home, now (minutes since 1970 in civil time), writer, colleagues, known, cities,
// entersFor. Ids are the server's.
export function draftOf(text, world) {
  useGrammar(world.grammar);
  const line = new Line(text);
  const draft = {
    text, kind: "outreach", channel: "in_person", status: "done", first: null, last: null, starts: null, ends: null, city: "",
    leader: null, participants: [], leads: [], companies: [], minutes: "", next: "", due: null, chips: {}, step: null,
    command: commandIn(line.plain),
  };
  if (draft.command) return { ...draft, isVisit: false };

  const today = Math.floor(world.now / DAY);
  const steps = nextSteps(line.plain, datesIn(line.plain, today, true));
  const head = without(line.plain, steps);
  const said = withoutPromises(head); // what is told of the visit itself
  const told = withoutGivenUp(said, today);
  readNext(line, draft, steps);

  let companies = knownCompaniesIn(line, head, world.known);
  let isAhead = isPlanned(plannedPart(line, told, today));
  let dates = datesOfVisit(line, told, datesIn(told, today, isAhead), today);
  const [first] = dates;
  isAhead ||= first !== undefined && search("ahead", head.slice(first.span.start, first.span.end)) !== null;
  isAhead ||= (first?.first ?? today) > today && isPlanned(told);
  isAhead &&= !(first && first.last !== null && first.last < today); // a visit of the past may tell of plans
  if (told !== said) dates = dates.map((one) => ({ ...one, isAssumed: true }));
  for (const { span } of dates.slice(0, 1)) line.take(span.start, span.end);

  const kind = readKind(line, draft, told, world);
  readTime(line, draft, told, dates, world, isAhead);
  readCity(line, draft, line.unread(said, kind), world);
  readPeople(line, draft, peopleIn(line, head, world.colleagues), world);
  const unread = withNamesRead(line.unread(head, kind), companies);
  companies.push(...unknownCompaniesIn(line, unread, draft.city, world.cities));
  companies = companiesOfVisit(line, companies.sort(inOrder));
  const ends = companies.map(({ span }) => span.end);
  readCompanies(line, draft, companies, metIn(line, withoutTheAway(head, world.colleagues), ends));
  if (!draft.companies.length) readCompanyOfNext(draft, steps, world);
  if (isAhead) readPlanning(line, draft, head);

  line.release(talkedAbout(line, companies).map(({ span }) => span)); // the minutes need its words
  draft.step = stepIn(head);
  draft.minutes = line.rest();
  if (draft.minutes) draft.chips.minutes = chip(ASSUMED, draft.minutes);
  const namesMeeting = draft.chips.kind.certainty === SURE || "met" in draft.chips;
  return { ...draft, isVisit: namesMeeting || draft.step === null };
}

// The first entry of the text, and what is left.
export function firstEntry(text, world) {
  useGrammar(world.grammar);
  const today = Math.floor(world.now / DAY);
  const [head, tail] = [text.slice(0, LONGEST), text.slice(LONGEST)];
  const [line, ...lines] = head.split(/\r?\n/).filter((each) => each.trim());
  if (!line) return { line: "", rest: "" };
  const pieces = [];
  for (const piece of line.split(/(?<=[；;])/)) {
    if (pieces.length && !beginsEntry(piece, today)) pieces[pieces.length - 1] += piece;
    else pieces.push(piece);
  }
  const [first, ...others] = pieces.map((piece) => piece.replace(/^[ ；;]+|[ ；;]+$/g, "")).filter(Boolean);
  return { line: first ?? "", rest: [...others, ...lines, tail].filter(Boolean).join("\n") };
}

// After a semicolon: a date of its own, and not only a next step's.
function beginsEntry(piece, today) {
  const text = `。${plain(piece)}`;
  const dates = datesIn(text, today, false);
  return dates.length > 0 && nextSteps(text, dates).length === 0;
}

const chip = (certainty, words = "", options = []) => ({ certainty, words, options });

// As long as before, without a plan that another day's visit replaced.
function withoutGivenUp(told, today) {
  const plan = search("given_up", told);
  const to = plan ? plan.index + plan[0].length : 0;
  if (!plan || !search("visits", told, to)) return told;
  const parts = [plan[0], told.slice(to), told.slice(0, plan.index)];
  const [planned, later, earlier] = parts.map((part) => datesIn(part, today, false).length > 0);
  return planned && later && !earlier ? hidden(told, plan.index, to) : told;
}

// Where plans are of the visit: up to the clause of its verb, if that has a date.
function plannedPart(line, told, today) {
  const part = told.slice(0, anchorOf(line, told));
  return hasHappened(line, told) || datesIn(part, today, false).length ? part : told;
}

// Where the clause with the verb of the visit ends.
function anchorOf(line, told) {
  const verb = search("visits", told);
  return verb ? line.clauseAt(verb.index).end : told.length;
}

// Whether the clause with the verb of the visit says so.
function hasHappened(line, told) {
  const to = anchorOf(line, told);
  return search("happened", told.slice(line.clauseAt(to - 1).start, to)) !== null;
}

// Whether the clause has nothing but the date, with a time or a place.
function isBareDate(told, { span }, clause) {
  const restOf = (part) => matches("place", part).reduce((size, [words]) => size - words.length, part.length);
  const [before, after] = [told.slice(clause.start, span.start), told.slice(span.end, clause.end)];
  if (match("plans", before)) return true; // 计划下周见王总
  return restOf(before) + restOf(after) <= FEW && (!restOf(before) || match("only_time", after) !== null);
}

// The dates that are not of what is talked about: in its clause, or in one of their own.
function datesOfVisit(line, told, dates, today) {
  const [anchor, hasVerb] = [anchorOf(line, told), search("visits", told) !== null];
  const kept = [];
  for (const date of dates) {
    const { start, end } = date.span;
    const wasPlanned = search("was_planned", told.slice(0, start));
    const isHedged = wasPlanned || search("hedged", told.slice(0, start)) || match("hedged_after", told, end);
    const found = isHedged ? { ...date, isAssumed: true } : date;
    if ((wasPlanned && dates.length > 1) || !line.isFree(start, end)) continue;
    const clause = line.clauseAt(start);
    const isAhead = date.first === null ? search("ahead", told.slice(start, end)) !== null : date.first > today;
    if (start >= anchor && isAhead && hasHappened(line, told)) continue;
    const isBare = isBareDate(told, date, clause);
    if (start >= anchor && !isBare) continue;
    const isTalk = (kept.length || hasVerb) && search("talk", told.slice(clause.start, start)) !== null;
    if (!isTalk || isBare) kept.push(found);
    else if (!kept.length && found.first !== null) kept.push({ ...found, isAssumed: true });
  }
  return kept;
}

function without(text, steps) {
  return steps.reduce((head, { span }) => hidden(head, span.start, span.end), text);
}

function readNext(line, draft, steps) {
  const words = steps.map(({ span }) => line.take(span.start, span.end));
  draft.next = steps.map((step) => step.text).filter(Boolean).join("，");
  const due = steps.find((step) => step.due)?.due;
  draft.due = due ? due.last : null;
  if (draft.next) draft.chips.next_step = chip(due?.isAssumed ? ASSUMED : SURE, words.join("，"));
}

function readKind(line, draft, head, world) {
  // only the last characters: a date may stand within 参加周四的对接会
  const isFree = ({ span }) => line.isFree(Math.max(span.start, span.end - 2), span.end);
  const first = kindsIn(head, world.kinds).find(isFree);
  if (!first) {
    draft.chips.kind = chip(ASSUMED);
    return null;
  }
  [draft.kind, draft.channel] = [first.kind, first.channel];
  draft.chips.kind = chip(SURE, line.take(first.span.start, first.span.end));
  return first.span;
}

function readTime(line, draft, head, dates, world, isAhead) {
  let [named, ...others] = dates;
  let words = named ? head.slice(named.span.start, named.span.end) : "";
  if (named && named.first === null) {
    draft.chips.first_on = chip(CHOOSE, words); // 12月35日: the day stays open, the rest is read
    draft.status = isAhead ? "planned" : "done";
    draft.chips.status = chip(ASSUMED);
    return;
  }
  if (named && draft.kind === "residency") {
    const [lasting, lengths] = withLength(named, head);
    named = lasting;
    words += lengths.map((span) => line.take(span.start, span.end)).join("");
  }
  draft.first = named ? named.first : Math.floor(world.now / DAY);
  draft.last = named?.last ?? draft.first;
  const hours = hoursIn(head, draft.first, dates);
  const lastOn = hours && Math.floor(hours.ends / DAY);
  const ends = others.filter((one) => hours && one.first === lastOn);
  // a further date: whether the visit was on both days is not said
  const isAssumed = !named || named.isAssumed || named.isDeadline || ends.length < others.length;
  draft.chips.first_on = chip(isAssumed ? ASSUMED : SURE, words);
  const spans = [...(hours?.spans ?? []), ...ends.map(({ span }) => span)];
  const read = spans.sort((one, other) => one.start - other.start).map((span) => line.take(span.start, span.end));
  if (hours && lastOn > draft.last) draft.last = lastOn;
  setHours(draft, hours, world, isAhead);
  draft.chips.starts.words = read.join("，");
  const isFree = (time) => line.isFree(time.index, time.index + time[0].length);
  if (matches("other_time", head).some(isFree)) draft.chips.starts.certainty = ASSUMED; // another time is named
}

function setHours(draft, hours, world, isAhead) {
  let certainty = SURE;
  const isStay = draft.kind === "residency";
  if (isStay && !hours) {
    [draft.starts, draft.ends] = [draft.first * DAY + STAY[0], draft.last * DAY + STAY[1]];
  } else if (!hours) {
    [draft.starts, draft.ends] = [draft.first * DAY + WHOLE_DAY[0], draft.last * DAY + WHOLE_DAY[1]];
    const isRunning = draft.starts < world.now && world.now < draft.ends;
    if (isRunning && !isAhead) draft.ends = world.now; // of today, without a sign of the future
    certainty = ASSUMED;
  } else {
    draft.starts = hours.starts;
    draft.ends = draft.last === Math.floor(hours.ends / DAY) ? hours.ends : draft.last * DAY + (hours.ends % DAY);
    if (hours.isAssumed) certainty = ASSUMED;
  }
  draft.chips.starts = chip(certainty);
  draft.status = isAhead || draft.ends > world.now ? "planned" : "done";
  if (isStay && draft.status === "done") {
    [draft.starts, draft.ends] = [draft.first * DAY + STAY[0], draft.last * DAY + STAY[1]];
    if (draft.starts < world.now && world.now < draft.ends) draft.ends = world.now;
  }
  draft.chips.status = chip(isAhead ? draft.chips.first_on.certainty : certainty);
}

function readPlanning(line, draft, head) {
  const spans = matches("planning", head).map((found) => ({ start: found.index, end: found.index + found[0].length }));
  const words = spans.filter((span) => line.isFree(span.start, span.end)).map((span) => line.take(span.start, span.end));
  if (words.length) draft.chips.status = chip(SURE, words.join("，"));
}

function readCity(line, draft, head, world) {
  const home = search("home", head);
  const ofUs = matches("of_others", head).reduce((text, { index, 0: words }) => hidden(text, index, index + words.length), head);
  const found = home || draft.kind === "reception" ? null : cityIn(line, ofUs, world.cities);
  if (home) {
    draft.city = world.home;
    draft.chips.city = chip(SURE, line.take(home.index, home.index + home[0].length));
  } else if (draft.kind === "reception") {
    draft.city = world.home; // a city there is where the guests come from
    draft.chips.city = chip(ASSUMED);
  } else if (found) {
    draft.city = found.city;
    if (found.span.start >= anchorOf(line, head)) found.certainty = ASSUMED; // of what was talked about, it may be
    draft.chips.city = chip(found.certainty, head.slice(found.span.start, found.span.end));
  } else if (draft.kind !== "remote") {
    draft.chips.city = chip(CHOOSE);
  }
}

function readPeople(line, draft, people, world) {
  let leader = people.find((one) => one.leads);
  if (leader) {
    leader = firstOfList(line, people, leader);
    people = people.map((one) => (one.span.start === leader.span.start ? leader : one));
  }
  if (people.length && !leader && search("i_accompany", line.plain)) {
    leader = { ...people[0], certainty: people[0].people.length > 1 ? CHOOSE : ASSUMED };
    people = [leader, ...people.slice(1)];
  }
  const joined = people.filter((one) => one !== leader);
  const participants = [];
  draft.leader = world.writer;
  if (leader) {
    draft.chips.leader_id = chipOf(line, [leader], leader);
    draft.leader = leader.certainty === CHOOSE ? null : leader.people[0].id;
    if (!world.entersFor.includes(draft.leader)) participants.push(world.writer);
  } else {
    draft.chips.leader_id = chip(ASSUMED);
  }
  for (const one of joined) {
    if (one.certainty !== CHOOSE && one.people[0].id !== draft.leader) participants.push(one.people[0].id);
  }
  draft.participants = [...new Set(participants)];
  if (joined.length) {
    const unsure = joined.find((one) => one.certainty !== SURE) ?? joined[0];
    draft.chips.participant_ids = chipOf(line, joined, unsure);
  } else if (draft.participants.length) {
    draft.chips.participant_ids = chip(ASSUMED);
  }
}

// The first of those who are named together to lead: 谭明屿、严书禾带队.
function firstOfList(line, people, leader) {
  let first = leader;
  for (const one of people.filter((other) => inOrder(other, leader) < 0).reverse()) {
    if (!LISTED.includes(line.plain.slice(one.span.end, first.span.start))) break;
    first = one;
  }
  return first === leader ? leader : { ...first, certainty: first.people.length === 1 ? ASSUMED : CHOOSE };
}

function chipOf(line, people, unsure) {
  const words = people.map(({ span }) => line.text.slice(span.start, span.end)).join("、");
  const options = unsure.people.map((person) => [person.id, person.name]);
  return chip(unsure.certainty, words, options.length > 1 ? options : []);
}

// The leads named as what was talked about: 谈智能装备二期.
function talkedAbout(line, companies) {
  const talked = [];
  for (const one of companies) {
    const titles = one.known.flatMap(({ leads }) => leads.map(([, title]) => title.toLowerCase()));
    const before = line.plain.slice(0, one.span.start);
    const goesOn = talked.some(({ span }) => LISTED.includes(before.slice(span.end)));
    if (titles.includes(one.name.toLowerCase()) && (goesOn || search("talked", before))) talked.push(one);
  }
  return talked;
}

// One that a later clause names may only have been a subject.
function companiesOfVisit(line, companies) {
  const idsOf = ({ known }) => known.map(({ company }) => company?.[0]);
  const kept = [];
  for (const one of companies) {
    const before = line.plain.slice(0, one.span.start);
    if (search("not_visited", before)) {
      line.release([one.span]);
      continue;
    }
    const isLater = kept.length && kept[0].span.end <= line.clauseAt(one.span.start).start;
    const isKnown = idsOf(one).some((id) => kept.flatMap(idsOf).includes(id));
    const isAssumed = isLater && !isKnown && one.certainty === SURE && !search("was_visited", before);
    kept.push(isAssumed ? { ...one, certainty: ASSUMED } : one);
  }
  return kept;
}

function readCompanies(line, draft, companies, met) {
  const [rows, options] = [[], new Map()];
  const leadsOf = (found) => found.known.flatMap((one) => one.leads);
  for (const found of companies) {
    const leads = leadsOf(found);
    const named = rowOf(found);
    const row = draft.companies.find((one) => isSame(one, named)) ?? named;
    rows.push(row);
    if (row === named) draft.companies.push(row);
    if (new Set(leads.map(([id]) => id)).size === 1 && found.certainty !== CHOOSE) draft.leads.push(leads[0][0]);
    const count = match("count", line.plain.slice(found.span.end));
    if (count) line.take(found.span.end, found.span.end + count[0].length);
  }
  draft.leads = [...new Set(draft.leads)];
  for (const leads of companies.map(leadsOf)) {
    if (leads.some(([id]) => draft.leads.includes(id))) continue; // a title says which one: 谈智能装备二期
    for (const [id, title] of leads) options.set(id, title);
  }
  for (const one of met) {
    const place = companies.filter((found) => inOrder(found, one) < 0).length - 1;
    if (!draft.companies.length) draft.companies.push({ company: null, name: "", met: null, position: null });
    const row = rows[place] ?? draft.companies[0];
    if ((row.met ?? "").split("、").includes(one.name)) continue; // 拜访王总，王总表示…
    row.met = joinedOf(row.met, one.name);
    row.position = joinedOf(row.position, one.position);
  }
  addChips(line, draft, companies, met, options);
}

// A company that only the next step names: it may be the one of the visit.
function readCompanyOfNext(draft, steps, world) {
  const line = new Line(steps.map((step) => step.text).join("。"));
  const found = knownCompaniesIn(line, line.plain, world.known);
  const unsure = (one) => ({ ...one, certainty: one.certainty === SURE ? ASSUMED : one.certainty });
  if (found.length) readCompanies(line, draft, found.map(unsure), []);
}

// One company, named twice.
const isSame = (one, other) => Boolean(one.name) && one.name === other.name && one.company === other.company;

const joinedOf = (...texts) => texts.filter(Boolean).join("、") || null;

function rowOf(found) {
  const companies = new Map(found.known.filter((one) => one.company).map((one) => [one.company[0], one.company[1]]));
  const row = { company: null, name: found.known.length ? "" : found.name, met: null, position: null };
  if (companies.size !== 1) return row;
  const [[company, name]] = companies;
  return { ...row, company, name };
}

function addChips(line, draft, companies, met, options) {
  const wordsOf = (found) => found.map(({ span }) => line.text.slice(span.start, span.end)).join("、");
  if (companies.length) {
    const order = [SURE, ASSUMED, CHOOSE];
    const worst = order[Math.max(...companies.map((one) => order.indexOf(one.certainty)))];
    draft.chips.companies = chip(worst, wordsOf(companies));
    if (draft.leads.length || options.size) {
      draft.chips.lead_ids = chip(options.size ? CHOOSE : worst, wordsOf(companies), [...options]);
    }
  } else if (NEEDS_COMPANY.includes(draft.kind)) {
    draft.chips.companies = chip(CHOOSE);
  }
  if (met.length) draft.chips.met = chip(met.every((one) => one.isSure) ? SURE : ASSUMED, wordsOf(met));
}
