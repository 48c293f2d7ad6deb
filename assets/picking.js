// Rows of a list ticked for a change of many: how many, the whole page, and a span with the shift key.
export function startPicking() {
  const rows = document.querySelector("[data-picks]");
  if (!rows) return;
  const bar = document.getElementById("bulk");
  const boxes = [...rows.querySelectorAll("input[name=lead]")];
  const page = rows.querySelector("[data-pick-page]");
  const all = bar.querySelector("[name=all]");
  const mode = !bar.hidden;
  page.hidden = false;
  let last = null;

  function show() {
    const picked = boxes.filter((box) => box.checked).length;
    bar.hidden = !mode && !picked && !all?.checked;
    bar.querySelector("[data-picked]").value = all?.checked ? "全部" : picked ? `已选 ${picked} 条` : "请勾选线索";
    page.checked = picked === boxes.length;
    page.indeterminate = picked > 0 && picked < boxes.length;
    for (const box of boxes) box.closest("tr").classList.toggle("is-picked", box.checked);
  }

  rows.addEventListener("click", (event) => {
    const box = event.target;
    if (!boxes.includes(box)) return;
    if (event.shiftKey && last) {
      const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
      for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
    }
    last = box;
  });
  page.addEventListener("change", () => {
    for (const box of boxes) box.checked = page.checked;
  });
  for (const part of [rows, bar]) part.addEventListener("change", show);
  bar.querySelector("[data-pick-none]").addEventListener("click", (event) => {
    if (mode) return; // the link leaves it
    event.preventDefault();
    for (const box of [...boxes, all]) if (box) box.checked = false;
    show();
  });
  addEventListener("pageshow", show); // the browser keeps what was ticked
  show();
}
