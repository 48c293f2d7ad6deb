// The dates in a quick entry. A date is its number of days since 1970-01-01.
import { end, match, search } from "./grammar.js";
import { number } from "./text.js";

const FRIDAY = 4;
const SATURDAY = 5;
const FURTHEST = 31; // days: what is further away is no date of a visit
const PARTS = { 早: "早上", 晚: "晚上", 夜: "晚上" };
const WORDS = { 大前天: -3, 前天: -2, 昨天: -1, 今天: 0, 明天: 1, 后天: 2, 大后天: 3 };
const PAIRS = { 前昨: -2, 昨今: -1, 今明: 0, 明后: 1 }; // the first of two days
const MONTHS = { 上: -1, 下: 1 };
const YEARS = { 前: -2, 去: -1, 今: 0, 明: 1 };
const WEEKS = { 上: -7, 本: 0, 这: 0, 下: 7 };
const LONGEST_SEARCH = 8; // years: 29 February may be as far away
const DAY = 86_400_000; // ms

export function dayOf(year, month, day) {
  const on = new Date(Date.UTC(year, month - 1, day));
  return on.getUTCMonth() === month - 1 && on.getUTCDate() === day ? on.getTime() / DAY : null;
}

export const isoOf = (day) => (day === null ? null : new Date(day * DAY).toISOString().slice(0, 10));
export const partsOf = (day) => {
  const on = new Date(day * DAY);
  return { year: on.getUTCFullYear(), month: on.getUTCMonth() + 1, day: on.getUTCDate() };
};
export const weekdayOf = (day) => (((day + 3) % 7) + 7) % 7; // Monday 0

const weekdayNamed = (name) => "一二三四五六日".indexOf(name === "天" ? "日" : name);

export function datesIn(text, today, isAhead) {
  const found = [];
  let at = 0;
  for (let date; (date = search("date", text, at)); ) {
    at = end(date);
    let one = dateOf(date, today, isAhead);
    if (!one) continue;
    one = withEnd(one, date, text, today, isAhead);
    const deadline = match("deadline", text, one.span.end);
    if (deadline) one = { ...one, span: { start: one.span.start, end: end(deadline) }, isDeadline: true };
    found.push(one);
    at = one.span.end;
  }
  return found;
}

// The date as long as the text says it lasts, and the words for that: 12月1日起三天.
export function withLength(found, text) {
  if (found.first === null || found.first !== found.last) return [found, []];
  const [begin, length] = [match("begin", text, found.span.end), search("length", text)];
  const spans = [begin, length].filter(Boolean).map((one) => ({ start: one.index, end: end(one) }));
  if (!length) return [{ ...found, isAssumed: found.isAssumed || begin !== null }, spans];
  const days = number(length.groups.count) * (length.groups.weeks ? 7 : 1);
  return [{ ...found, last: found.first + Math.max(days - 1, 0), isAssumed: true }, spans];
}

function dateOf(date, today, isAhead) {
  const { groups } = date;
  const span = { start: date.index, end: end(date) };
  const of = (first, last = first, more = {}) => ({ span, first, last, isAssumed: false, part: "", ...more });

  if (groups.pair) return of(today + PAIRS[groups.pair], today + PAIRS[groups.pair] + 1);
  if (groups.vague || groups.vague_month) return of(null);
  const assumed = (on) => of(on, on, { isAssumed: true });
  if (groups.month_end) {
    const month = monthOf(groups.end_of, groups.end_month, today);
    return month === null ? of(null) : assumed(endOfMonth(month));
  }
  if (groups.tenth) {
    const month = monthOf(groups.part_of, groups.part_month, today);
    return month === null ? of(null) : assumed(tenthOfMonth(groups.tenth, month));
  }
  if (groups.settled && groups.other_week[0] === "下") return of(ofOtherWeek(groups.other_week, weekdayNamed(groups.settled), today));
  if (groups.other_week) return assumed(ofOtherWeek(groups.other_week, FRIDAY, today));
  if (groups.weekday === "末") return assumed(ofOtherWeek(groups.week || (isAhead ? "下" : ""), SATURDAY, today));
  if (groups.weekday && groups.week.length > 1) return of(ofOtherWeek(groups.week, weekdayNamed(groups.weekday), today));
  if (groups.count) return counted(groups, today, of);
  if (groups.of_month) return of(dayOfMonth(groups.of_month, number(groups.day3), today)); // 上个月28号
  if (groups.near) return of(today + WORDS[`${groups.near}天`], undefined, { part: PARTS[groups.part] });
  if (groups.first) {
    const first = ofMonth(number(groups.first), today, isAhead);
    const last = sameMonth(first, number(groups.last));
    const isListed = groups.joint === "、";
    return isListed && (first === null || last !== first + 1) ? null : of(first, last, { isAssumed: isListed });
  }
  const on = entered(groups, date[0], today, isAhead);
  return on === null && groups.month2 ? null : of(on); // 3.5 may be any number
}

function endOfMonth(day) {
  const { year, month } = partsOf(day);
  return Date.UTC(year, month, 0) / DAY;
}

function dayOfMonth(name, day, today) {
  const { year, month } = partsOf(today);
  const months = year * 12 + month - 1 + (MONTHS[name] ?? 0);
  return dayOf(Math.floor(months / 12), (months % 12) + 1, day);
}

// 12月中旬: the last day of the tenth of a month.
function tenthOfMonth(name, month) {
  const days = { 上: 10, 中: 20 };
  return name in days ? sameMonth(month, days[name]) : endOfMonth(month);
}

// A day of the month that is named, of this one without a name.
const monthOf = (byNumber, byName, today) =>
  byNumber ? nearest(number(byNumber), 1, today) : dayOfMonth(byName, 1, today);

// 上上周
function ofOtherWeek(name, weekday, today) {
  const weeks = name.length * (MONTHS[name.slice(0, 1)] ?? 0);
  return today + 7 * weeks + weekday - weekdayOf(today);
}

// So many days before or after today: 三天前, 5个工作日内.
function counted(groups, today, of) {
  const days = number(groups.count) * (groups.weeks ? 7 : 1);
  if (days > FURTHEST) return null;
  const step = groups.side === "前" ? -1 : 1;
  let on = today + days * step;
  if (groups.workdays) {
    on = today;
    for (let day = 0; day < days; day += 1) do on += step; while (weekdayOf(on) > FRIDAY);
  }
  return of(on, on, { isAssumed: Boolean(groups.weeks || groups.workdays), isDeadline: groups.side === "内" });
}

function entered(groups, text, today, isAhead) {
  const [month, day] = [groups.month ?? groups.month2, groups.day ?? groups.day2];
  const year = groups.of_year ? partsOf(today).year + YEARS[groups.of_year] : (groups.year ?? groups.year2);
  if (month && day) {
    if (!year) return nearest(number(month), number(day), today);
    return Number(year) >= 1950 && Number(year) <= 2100 ? dayOf(Number(year), number(month), number(day)) : null;
  }
  if (groups.only) return ofMonth(number(groups.only), today, isAhead);
  if (groups.word) return today + WORDS[groups.word.replace(/[儿日]/, "天")];
  return groups.weekday ? ofWeek(groups.week, weekdayNamed(groups.weekday), today, isAhead) : null;
}

function ofWeek(week, weekday, today, isAhead) {
  const on = today - weekdayOf(today) + weekday;
  if (week) return on + WEEKS[week];
  if (isAhead) return on >= today ? on : on + 7;
  return on <= today ? on : on - 7;
}

function nearest(month, day, today) {
  const { year } = partsOf(today);
  const years = Array.from({ length: 2 * LONGEST_SEARCH + 1 }, (_, number) => year - LONGEST_SEARCH + number);
  const dates = years.map((each) => dayOf(each, month, day)).filter((on) => on !== null);
  return dates.sort((one, other) => Math.abs(one - today) - Math.abs(other - today))[0] ?? null;
}

function ofMonth(day, today, isAhead) {
  const { year, month } = partsOf(today);
  for (const number of [0, 1, 2]) {
    const months = year * 12 + month - 1 + (isAhead ? number : -number);
    const on = dayOf(Math.floor(months / 12), (months % 12) + 1, day);
    if (on !== null && (isAhead ? on >= today : on <= today)) return on;
  }
  return null;
}

function withEnd(found, date, text, today, isAhead) {
  const { groups } = date;
  const joint = match("range", text, found.span.end);
  if (found.first === null || groups.first || groups.near || groups.pair || groups.count) return found;
  if (!joint) return withNextDays(found, date, text, today, isAhead);

  let at = end(joint);
  let last = null;
  let other = match("date", text, at);
  if (other) {
    if (!other.groups.near && !other.groups.other_week && !other.groups.count) {
      last = endDate(found.first, other, today, isAhead);
      at = end(other);
    }
  } else if (groups.weekday && (other = match("last_weekday", text, at))) {
    last = sameWeek(found.first, other.groups.weekday);
    at = end(other);
  } else if ((groups.month || groups.month2) && (other = match("last_day", text, at))) {
    last = sameMonth(found.first, number(other.groups.day));
    at = end(other);
  }
  if (last === null || last < found.first) return found;
  return { ...found, span: { start: found.span.start, end: at }, last };
}

// 明天和后天, 24、25日
function withNextDays(found, date, text, today, isAhead) {
  const { groups } = date;
  for (let joint; (joint = match("and_day", text, found.span.end)); ) {
    let other = match("date", text, end(joint));
    let last = null;
    if (other && !other.groups.near && !other.groups.count) {
      last = endDate(found.last, other, today, isAhead);
    } else if (joint[0].trim() && (groups.month || groups.month2)) {
      other = match("last_day", text, end(joint));
      last = other ? sameMonth(found.last, number(other.groups.day)) : null;
    }
    if (!other || last !== found.last + 1) break;
    found = { ...found, span: { start: found.span.start, end: end(other) }, last, isAssumed: true };
  }
  return found;
}

function endDate(first, other, today, isAhead) {
  if (other.groups.only) return sameMonth(first, number(other.groups.only));
  if (other.groups.weekday && !other.groups.week && other.groups.weekday !== "末") return sameWeek(first, other.groups.weekday);
  return dateOf(other, today, isAhead)?.first ?? null;
}

const sameWeek = (first, name) => first + weekdayNamed(name) - weekdayOf(first);

function sameMonth(first, day) {
  if (first === null) return null;
  const { year, month } = partsOf(first);
  return dayOf(year, month, day);
}

