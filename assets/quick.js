// On the kept form of a visit: a quick entry is read here as the server reads it, and nothing is saved before it was seen.
import { owner, ownNames } from "./own.js";
import { fillFromLine } from "./quick/form.js";

function summaryOf({ line, rest, chips }) {
  const section = document.createElement("section");
  section.className = "quick-read";
  section.setAttribute("aria-label", "识别结果");
  const hint = rest ? "尚未保存，请核对下表；其余内容仍在上面的快记框中。" : "尚未保存，请核对下表。";
  const words = Object.assign(document.createElement("p"), { className: "quick-line", textContent: line });
  section.append(words, chips, Object.assign(document.createElement("p"), { className: "form-hint", textContent: hint }));
  return section;
}

// Whether the line was read; a command, or the step of a lead, waits for the server.
function read(box, form, names) {
  const found = names?.quick && fillFromLine(form, box.value, names);
  if (!found) return false;
  form.dataset.filled = "";
  box.value = found.rest;
  document.querySelector(".quick-read")?.remove();
  form.before(summaryOf(found));
  form.previousElementSibling.scrollIntoView({ block: "start" });
  return true;
}

async function start() {
  const [box, form] = [document.getElementById("quick-line"), document.querySelector(".entry-form")];
  const names = await ownNames(await owner());
  document.addEventListener("line", (event) => read(box, form, names) && event.preventDefault());

  const text = new URLSearchParams(location.hash.slice(1)).get("line"); // from *my day*
  if (!text) return;
  history.replaceState(null, "", location.pathname + location.search); // it is nobody else's
  box.value = text;
  read(box, form, names);
}

start();
