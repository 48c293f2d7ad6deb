// The times of day in a quick entry. A time is its number of minutes since 1970-01-01 in the zone's civil time.
import { end, match, matches, search } from "./grammar.js";
import { meets, number } from "./text.js";

export const DAY = 1440; // minutes
const NOON = 12;
const LAST_HOUR = 24;
const MORNING = [540, 690];
const EVENING = [1140, 1260];
const HALVES = {
  凌晨: MORNING, 一早: MORNING, 一大早: MORNING, 早上: MORNING, 早晨: MORNING, 上午: MORNING, 中午: [720, 810], 下午: [840, 960], 傍晚: EVENING, 晚上: EVENING,
  夜里: EVENING,
};
const HOURS_OF = { 中午: [1, 2], 下午: [1, 6], 傍晚: [5, 11], 晚上: [5, 11], 夜里: [5, 11] };
const LATER = ["下午", "傍晚", "晚上", "夜里", "中午"];
const NIGHT = ["晚上", "夜里"];

export function hoursIn(text, on, dates) {
  const hours = search("hours", text);
  if (hours && Math.max(number(hours.groups.first), number(hours.groups.last)) <= LAST_HOUR) {
    const span = { start: hours.index, end: end(hours) };
    const { first, last, half, part = "" } = hours.groups;
    return between(clockOf(span, number(first), 0, part), clockOf(span, number(last), half ? 30 : 0, part), on);
  }
  const clocks = matches("time", text).map((found) => read(found, dates)).filter(Boolean);
  const exact = clocks.filter((clock) => clock.minutes >= 0).map((clock) => ofPart(clock, clocks));
  if (!exact.length) return halfDay(clocks, dates, on);

  const [from, second] = exact;
  const until = search("until", text.slice(0, from.span.start));
  if (until) return hoursUntil(from, { start: until.index, end: from.span.end }, clocks, on);
  const to = second && endOf(text, from, second, dates);
  if (!to) return oneHour(from, on);
  const later = dates.find((found) => from.span.end <= found.span.start && found.span.start < to.span.start);
  return between(from, to, on, later ? later.first : null);
}

// 昨天下午在苏州，3点见面
function ofPart(clock, clocks) {
  const part = clocks.findLast((one) => one.minutes < 0 && one.span.start < clock.span.start)?.part;
  const hour = Math.floor(clock.minutes / 60);
  if (!part || !isBare(clock)) return clock;
  const [first, last] = HOURS_OF[part] ?? [6, 11];
  return hour < first || hour > last ? clock : clockOf(clock.span, hour, clock.minutes % 60, part);
}

// 下午在苏州聊到五点
function hoursUntil(to, span, clocks, on) {
  const parts = clocks.filter((clock) => clock.minutes < 0).slice(0, 1);
  const isAfternoon = isOfAfternoon(to);
  const ends = on * DAY + to.minutes + (isAfternoon ? NOON * 60 : 0);
  const part = to.part || parts[0]?.part;
  const starts = Math.min(ends - 60, part ? on * DAY + HALVES[part][0] : Infinity);
  return { spans: [...parts.map((clock) => clock.span), span], starts, ends, isAssumed: true };
}

function halfDay(clocks, dates, on) {
  const part = clocks.length ? clocks[0].part : dates.find((found) => found.part)?.part;
  if (!part) return null;
  const [begin, finish] = HALVES[part];
  return {
    spans: clocks.slice(0, 1).map((clock) => clock.span), starts: on * DAY + begin, ends: on * DAY + finish, isAssumed: true,
  };
}

function read(found, dates) {
  const span = { start: found.index, end: end(found) };
  const { groups } = found;
  if (dates.some((date) => meets(span, date.span))) return null;
  if (groups.alone) return { span, minutes: -1, part: groups.alone };
  const minute = groups.minute ?? groups.minute2;
  let minutes = minute ? number(minute) : 0;
  if (groups.half) minutes = 30;
  else if (groups.quarter) minutes = number(groups.quarter) * 15;
  const part = groups.part ?? partBefore(span, dates);
  const isVague = groups.hour === "一" && !part && found[0].endsWith("点"); // 一点 may be "a little"
  const hour = number(groups.hour);
  return isVague || hour > LAST_HOUR || minutes > 59 ? null : clockOf(span, hour, minutes, part);
}

// 昨晚10点; 今晚视频，8点
function partBefore(span, dates) {
  return dates.findLast((found) => found.span.end <= span.start)?.part ?? "";
}

function clockOf(span, hour, minute, part) {
  let isShifted = LATER.includes(part) && hour < NOON && !(part === "中午" && hour >= 11);
  if (NIGHT.includes(part) && hour === NOON) [hour, isShifted] = [24, false];
  return { span, minutes: (hour + (isShifted ? NOON : 0)) * 60 + minute, part };
}

// 9点到11点; 三点开始，聊到五点
function endOf(text, from, other, dates) {
  const until = search("until", text.slice(0, other.span.start));
  const between = text.slice(from.span.end, other.span.start);
  const isOneClause = !/[,。;]/.test(between) && between !== until?.[0];
  if (until && (isOneClause || until[0].replace(/^[到至 ]+|[到至 ]+$/g, ""))) return { ...other, span: { start: until.index, end: other.span.end } };
  return isJoined(text, from, other, dates) ? other : null;
}

function isJoined(text, from, to, dates) {
  const joint = match("range", text, from.span.end);
  if (!joint) return false;
  let at = end(joint);
  for (const found of dates) if (found.span.start === at) at = found.span.end;
  return text.slice(at, to.span.start).trim() === "";
}

const isBare = (clock) => !clock.part && clock.minutes < NOON * 60;
const isOfAfternoon = (clock) => isBare(clock) && clock.minutes >= 60 && clock.minutes < 7 * 60;

function oneHour(from, on) {
  const minutes = from.minutes + (isOfAfternoon(from) ? NOON * 60 : 0);
  return { spans: [from.span], starts: on * DAY + minutes, ends: on * DAY + minutes + 60, isAssumed: true };
}

function between(from, to, on, lastOn = null) {
  let [first, last, isAssumed] = [from.minutes, to.minutes, false];
  if (isOfAfternoon(from) && !["上午", "早上"].includes(to.part)) [first, isAssumed] = [first + NOON * 60, true];
  // 下午2点到4点, 10点到2点
  if (isBare(to) && lastOn === null && last <= first && last + NOON * 60 > first) last += NOON * 60;

  const starts = on * DAY + first;
  let ends = (lastOn ?? on) * DAY + last;
  if (ends <= starts) ends += DAY;
  const spans = from.span === to.span ? [from.span] : [from.span, to.span];
  return { spans, starts, ends, isAssumed };
}
