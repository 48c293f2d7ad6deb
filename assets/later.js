// Fields that are fetched as they are unfolded. What a draft has for them is kept in hidden fields until they come, and
// sent with the form if they never do.
import { tell } from "./notices.js";

const FAILED = "网络不通，未能加载；已填内容已保留，请稍后重试。";

export const laterPlaces = (form) => form.querySelectorAll("[data-later]");

// Of a draft's values those that belong to fields still to come.
export function holdLater(place, values) {
  const held = values.filter(([name]) => name.startsWith(place.dataset.fields));
  for (const [name, value] of held) place.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  if (held.length) place.closest("details").open = true;
}

async function fieldsOf(place) {
  const answer = await fetch(place.dataset.later, { redirect: "error" });
  if (!answer.ok) throw new Error(answer.statusText);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return document.importNode(page.getElementById(place.id), true);
}

// `note`: is told of the form and its new fields before what is held goes into them.
async function fill(place, note) {
  place.setAttribute("aria-busy", "true");
  try {
    const fields = await fieldsOf(place);
    if (!place.isConnected) return;
    const held = [...place.querySelectorAll("input")];
    place.replaceWith(fields);
    document.dispatchEvent(new CustomEvent("htmx:load", { detail: { elt: fields } }));
    note(fields);
    for (const input of held) {
      const field = fields.querySelector(`[name="${input.name}"]`);
      if (field) field.value = input.value;
      else fields.append(input); // no longer asked for: the server says what is lost
    }
  } catch {
    place.removeAttribute("aria-busy");
    place.closest("details").open = false;
    tell(FAILED);
  }
}

export function startLater(note) {
  const onToggle = ({ target }) => {
    const place = target.open && target.querySelector("[data-later]:not([aria-busy])");
    if (place) fill(place, note);
  };
  document.addEventListener("toggle", onToggle, true); // it does not bubble
}
