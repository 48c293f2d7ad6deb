// Loaded by pages with pickers: turns select[data-picker] into a list that is searched by name or by initials.
import TomSelect from "tom-select/base";
import removeButton from "tom-select/dist/esm/plugins/remove_button/plugin.js";

TomSelect.define("remove_button", removeButton);

function element(className, ...texts) {
  const node = document.createElement("div");
  node.className = className;
  for (const [name, text] of texts) {
    if (!text) continue;
    const part = document.createElement("span");
    part.className = name;
    part.textContent = text;
    node.append(part);
  }
  return node;
}

// Nodes and textContent only: a name is never read as HTML, and the CSP stays whole.
const render = {
  option: (data) => element("option", ["ts-name", data.text], ["ts-note", data.note]),
  item: (data) => element("item", ["ts-name", data.text]),
  option_create: (data) => element("create", ["ts-name", `使用“${data.input}”`]),
  no_results: () => element("no-results", ["ts-note", "没有找到，换个字或首字母试试"]),
};

function enhance(select) {
  const label = select.labels?.[0]?.textContent.trim() || select.getAttribute("aria-label") || "";
  const hints = select.getAttribute("aria-describedby");
  const picker = new TomSelect(select, {
    plugins: select.multiple ? { remove_button: { title: "移除" } } : {},
    searchField: ["text", "pinyin", "note"],
    sortField: [{ field: "$order" }, { field: "$score" }],
    maxOptions: 200,
    create: select.hasAttribute("data-create"),
    createOnBlur: select.hasAttribute("data-create"),
    createFilter: (input) => /[^\x00-\x7f]/.test(input), // letters are initials being searched, not a new name
    allowEmptyOption: false,
    hideSelected: select.multiple,
    closeAfterSelect: !select.multiple,
    refreshThrottle: 0,
    render,
    onItemAdd() {
      this.setTextboxValue("");
      this.refreshOptions(false);
    },
  });
  const search = picker.search.bind(picker);
  picker.search = (query) => search(query.normalize("NFKC")); // full-width letters and blanks
  select.setAttribute("aria-label", label);
  if (hints) picker.control_input.setAttribute("aria-describedby", hints);
  if (select.classList.contains("is-invalid")) picker.control_input.setAttribute("aria-invalid", "true");
}

function enhanceAll(root) {
  for (const select of root.querySelectorAll("select[data-picker]:not(.tomselected)")) enhance(select);
}

enhanceAll(document);
document.addEventListener("htmx:load", (event) => enhanceAll(event.detail.elt));
