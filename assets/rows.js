// Further rows of a form, each a copy of its template: on demand, and as many as a draft had.
const PLACE = /__/g; // the number of the row in the names of its fields

function addRow(template) {
  const row = document.createElement("div");
  row.innerHTML = template.innerHTML.replace(PLACE, template.dataset.rows++);
  template.before(row);
  row.dispatchEvent(new CustomEvent("htmx:load", { bubbles: true, detail: { elt: row } })); // pickers start with it
  return row;
}

export function addRowsOf(form, values) {
  for (const template of form.querySelectorAll("template[data-rows]")) {
    const prefix = template.content.querySelector("[name]").name.split("__")[0];
    const last = Math.max(...values.map(([name]) => (name.startsWith(prefix) ? parseInt(name.slice(prefix.length)) : 0)));
    while (Number(template.dataset.rows) <= last) addRow(template);
  }
}

export function startRows() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("template[data-rows] + button");
    if (!button) return;
    event.preventDefault();
    const first = addRow(button.previousElementSibling).querySelector("select");
    (first.tomselect ?? first).focus();
  });
}
