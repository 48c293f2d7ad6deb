// Loaded by pages with pickers: turns select[data-picker] into a list that is searched by name or by initials.
// One with data-search holds a few likely options; the server at that address finds the others.
import TomSelect from "tom-select/base";
import removeButton from "tom-select/dist/esm/plugins/remove_button/plugin.js";
import { ownNames } from "./own.js";

TomSelect.define("remove_button", removeButton);

const NOTHING_FOUND = "未找到，请更换关键字或拼音首字母";
const MOST_FOUND = 20;
const NEW_NAME = "未找到，可使用所填名称，或更换关键字";
const SEARCHING = "正在查找…";
const MANY = "仅列出前 20 个，请补充关键字";
const OFFLINE = "网络不通，未能查找；已选内容已保留，请稍后重试";
const SIGNED_OUT = "登录已过期，请重新登录后再查找";

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
  option_create(data) {
    const node = element("create", ["ts-name", `使用“${data.input}”`]);
    node.setAttribute("role", "option"); // it is selected like one
    return node;
  },
  no_results: () => element("no-results", ["ts-note", NOTHING_FOUND]),
};

const plain = (text) => text.normalize("NFKC"); // full-width letters and blanks
const isName = (text) => /[^a-z]/.test(text); // small letters are initials being searched, not a new name

// The settings of a list whose options the server searches.
function remote(select) {
  const found = new Map(); // by query: the values that the server found
  const words = new Map(); // by query: what the line below the list says of them
  const nothing = (query) => (select.hasAttribute("data-create") && isName(query) ? NEW_NAME : NOTHING_FOUND);
  const status = element("ts-status");
  status.setAttribute("role", "status");

  async function ask(query) {
    const address = new URL(select.dataset.search, location.href);
    address.searchParams.set("q", query);
    // a redirect leads to the sign-in page
    const answer = await fetch(address, { redirect: "manual" }).catch(() => null);
    if (!answer) return askDevice(address, query);
    if (!answer.ok) throw new Error(answer.type === "opaqueredirect" ? SIGNED_OUT : OFFLINE);
    return answer.json();
  }

  // without network: among the names that the device keeps, where those of the zone are asked for
  async function askDevice(address, query) {
    const names = address.searchParams.has("prefix") ? null : await ownNames(document.body.dataset.person);
    const rows = names?.[address.pathname.split("/").pop()];
    if (!rows) throw new Error(OFFLINE);
    const text = plain(query).trim().toLowerCase();
    const has = (words) => words.toLowerCase().includes(text);
    const hits = rows.filter(([, name, note, search]) => has(name) || has(note) || has(search));
    const found = hits.slice(0, MOST_FOUND).map(([value, name, note]) => ({ value, text: name, note }));
    return { found, has_more: hits.length > MOST_FOUND };
  }

  return {
    shouldLoad: (query) => plain(query).trim() !== "",
    async load(query, callback) {
      let rows = [];
      let text;
      try {
        const answer = await ask(query);
        rows = answer.found;
        text = answer.has_more ? MANY : rows.length ? "" : nothing(query);
        found.set(plain(query), new Set(rows.map((row) => row.value)));
        words.set(query, text);
      } catch (problem) {
        text = problem.message === SIGNED_OUT ? SIGNED_OUT : OFFLINE;
        delete this.loadedSearches[query]; // typed again, it is asked again
      }
      if (this.inputValue() === query) status.textContent = text;
      callback(rows);
    },
    score(query) {
      const values = found.get(query);
      const near = this.getScoreFunction(query);
      return (item) => (values?.has(item.value) ? 1 : near(item));
    },
    // the list stays open for the words below it
    render: { ...render, loading: () => element("loading"), no_results: () => element("no-results") },
    onInitialize() {
      this.dropdown.append(status);
    },
    onType(query) {
      status.textContent = plain(query).trim() ? (words.get(query) ?? SEARCHING) : "";
    },
  };
}

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
    createFilter: isName,
    allowEmptyOption: select.hasAttribute("data-autosubmit"), // a filter's "all"
    hideSelected: false, // who is chosen already is found, and marked as chosen (已选)
    closeAfterSelect: !select.multiple,
    hidePlaceholder: true,
    refreshThrottle: 0,
    render,
    onItemAdd() {
      this.setTextboxValue("");
      this.refreshOptions(false);
    },
    ...(select.dataset.search ? remote(select) : {}),
  });
  if (select.dataset.again) {
    picker.on("change", () => markChosen(select));
    markChosen(select);
  }
  const search = picker.search.bind(picker);
  picker.search = (query) => search(plain(query));
  select.setAttribute("aria-label", label);
  if (hints) picker.control_input.setAttribute("aria-describedby", hints);
  if (select.classList.contains("is-invalid")) picker.control_input.setAttribute("aria-invalid", "true");
}

// What a button below the list offers again is marked where the list has it already.
function markChosen(select) {
  for (const button of select.form.querySelectorAll(`[name="${select.dataset.again}"]`)) {
    const isChosen = [...select.selectedOptions].some((option) => option.value === button.value);
    button.disabled = isChosen;
    button.labels[0].toggleAttribute("data-chosen", isChosen);
  }
}

function enhanceAll(root) {
  for (const select of root.querySelectorAll("select[data-picker]:not(.tomselected)")) enhance(select);
}

enhanceAll(document);
document.addEventListener("htmx:load", (event) => enhanceAll(event.detail.elt));
