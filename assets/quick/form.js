// The form of a visit, filled in from a quick entry where there is no network.
import { fullDay, two } from "../days.js";
import { addRowsOf } from "../rows.js";
import { partsOf, weekdayOf } from "./dates.js";
import { draftOf, firstEntry } from "./entry.js";
import { ASSUMED, CHOOSE } from "./names.js";
import { DAY } from "./times.js";

const FIELDS = [ // in the order of the form
  ["kind", "类型"], ["first_on", "日期"], ["starts", "时间"], ["status", "状态"], ["city", "城市"], ["lead_ids", "线索"],
  ["companies", "企业"], ["met", "会见人"], ["leader_id", "带队人"], ["participant_ids", "同行人"], ["next_step", "下一步"],
];
const clock = (minutes) => `${two(Math.floor((minutes % DAY) / 60))}:${two(minutes % 60)}`;

function dayText(day, isShort = false) {
  const { year, month, day: date } = partsOf(day);
  return isShort ? `${month}月${date}日` : fullDay({ year, month, day: date, weekday: (weekdayOf(day) + 1) % 7 });
}

export function worldOf(names, now) {
  const { quick } = names;
  return {
    ...quick,
    now: Math.floor((now.getTime() / 60_000 - now.getTimezoneOffset())),
    colleagues: names.people.map(([id, name, , search]) => ({ id: Number(id), name, search })),
    cities: new Set(names.cities),
  };
}

// Fills in the form; false where the line tells of no visit.
export function fillFromLine(form, text, names, now = new Date()) {
  const world = worldOf(names, now);
  const { line, rest } = firstEntry(text, world);
  const draft = draftOf(line, world);
  if (!draft.isVisit) return null;

  fillTimes(form, draft);
  for (const name of ["kind", "channel", "status"]) {
    const radio = form.querySelector(`[name=${name}][value="${draft[name]}"]`);
    if (radio) radio.checked = true;
  }
  form.elements.city.value = draft.city;
  choose(form.elements.lead_ids, draft.leads, names.leads);
  choose(form.elements.participant_ids, draft.participants, names.people);
  choose(form.elements.leader_id, draft.leader === null ? [] : [draft.leader], names.people);
  fillCompanies(form, draft, names);
  form.elements.minutes.value = draft.minutes;
  form.elements.next_step.value = nextOf(draft);
  for (const fold of form.querySelectorAll("details")) fold.open = true;
  form.dispatchEvent(new Event("input", { bubbles: true }));
  return { line, rest, chips: chipsOf(form, draft, names) };
}

function fillTimes(form, { first, last, starts, ends, chips }) {
  if (first === null) {
    form.elements.first_on.value = chips.first_on?.words ?? "";
    return;
  }
  form.elements.first_on.value = dayText(first);
  form.elements.last_on.value = last === first ? "" : dayText(last);
  form.elements.starts.value = clock(starts);
  form.elements.ends.value = clock(ends);
}

const nextOf = ({ next, due }) => (next && due !== null ? `${next}（${dayText(due, true)}前）` : next);

// Values are the server's; what the list does not have yet is put into it.
function choose(select, ids, rows) {
  const picker = select.tomselect;
  const values = ids.map(String);
  for (const option of select.options) option.selected = values.includes(option.value);
  for (const value of values) {
    if ([...select.options].some((option) => option.value === value)) continue;
    select.add(new Option(rows.find(([each]) => each === value)?.[1] ?? value, value, true, true));
  }
  picker?.sync();
}

function fillCompanies(form, draft, names) {
  const last = draft.companies.length - 1;
  if (last > 0) addRowsOf(form, [[`companies-${last}-company`]]);
  for (const [place, row] of draft.companies.entries()) {
    const value = row.company === null ? row.name : `#${row.company}`;
    if (value) choose(form.elements[`companies-${place}-company`], [value], [...names.companies, [value, row.name]]);
    form.elements[`companies-${place}-met`].value = row.met ?? "";
    form.elements[`companies-${place}-position`].value = row.position ?? "";
  }
}

function element(name, className, text = "") {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

const labelOf = (form, name) => form.querySelector(`[name=${name}]:checked`)?.labels[0]?.textContent.trim() ?? "";

function valuesOf(form, draft, names) {
  const named = (ids, rows) => ids.map((id) => rows.find(([each]) => each === String(id))?.[1]).filter(Boolean).join("、");
  const { first, last, starts, ends } = draft;
  const days = first === null ? "" : dayText(first).split("年")[1] + (last === first ? "" : `至${dayText(last, true)}`);
  return {
    kind: labelOf(form, "kind"),
    status: labelOf(form, "status"),
    first_on: days,
    starts: starts === null ? "" : `${clock(starts)}–${clock(ends)}`,
    city: draft.city,
    lead_ids: named(draft.leads, names.leads),
    companies: draft.companies.map((row) => row.name).filter(Boolean).join("、"),
    met: draft.companies.map((row) => [row.met, row.position].filter(Boolean).join(" ")).filter(Boolean).join("、"),
    leader_id: named([draft.leader], names.people),
    participant_ids: named(draft.participants, names.people),
    next_step: nextOf(draft),
  };
}

// As templates/visits/_chips.html shows them.
function chipsOf(form, draft, names) {
  const values = valuesOf(form, draft, names);
  const list = element("ul", "quick-chips");
  for (const [name, label] of FIELDS) {
    const chip = draft.chips[name];
    if (!chip || isUsual(name, chip, draft)) continue;
    const item = element("li", `quick-chip quick-${chip.certainty}`);
    item.append(element("span", "quick-label", label));
    if (chip.options.length) item.append(element("span", "quick-mark", "请选"), ...optionsOf(form, name, chip, names));
    else if (chip.certainty === CHOOSE) item.append(element("span", "quick-mark", "请选"));
    else item.append(element("strong", "", values[name]));
    if (chip.certainty === ASSUMED) item.append(element("span", "quick-mark", "推定"));
    if (chip.words && chip.words !== values[name] && !chip.options.length) item.append(element("span", "quick-words", `“${chip.words}”`));
    list.append(item);
  }
  return list;
}

// What is assumed for everybody says nothing: the writer leads, a stay has no hours.
function isUsual(name, chip, draft) {
  if (name === "leader_id") return chip.certainty === ASSUMED && !chip.words;
  return name === "starts" && (draft.starts === null || draft.kind === "residency");
}

function optionsOf(form, name, chip, names) {
  return chip.options.map(([id, text]) => {
    const button = Object.assign(element("button", "btn btn-sm", text), { type: "button" });
    button.addEventListener("click", () => {
      const select = form.elements[name];
      const chosen = select.multiple ? [...select.selectedOptions].map((option) => option.value) : [];
      choose(select, [...chosen, id], name === "lead_ids" ? [...names.leads, [String(id), text]] : names.people);
      button.closest("li").classList.replace("quick-choose", "quick-sure");
    });
    return button;
  });
}

