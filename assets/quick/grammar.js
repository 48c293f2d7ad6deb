// The patterns of the grammar, as the server sends them: they are written once, in crm/visits/quick_*.py.
let sources = {};
let made = {};

export function useGrammar(patterns) {
  sources = patterns;
  made = {};
}

function pattern(name, flags, wrap = (source) => source) {
  const key = `${name}/${flags}/${wrap("")}`;
  made[key] ??= new RegExp(wrap(sources[name]), flags);
  made[key].lastIndex = 0;
  return made[key];
}

// The first match from a place on, with the places of its groups.
export function search(name, text, at = 0) {
  const found = pattern(name, "dgs");
  found.lastIndex = at;
  return found.exec(text);
}

// The match that begins just there.
export function match(name, text, at = 0) {
  const found = pattern(name, "dys");
  found.lastIndex = at;
  return found.exec(text);
}

export const fullMatch = (name, text) => pattern(name, "s", (source) => `^(?:${source})$`).exec(text);
export const matches = (name, text) => [...text.matchAll(pattern(name, "dgs"))];
// The match at the very end of the text.
export const before = (name, text) => pattern(name, "s", (source) => `(?:${source})$`).exec(text);

export const start = (found, group = 0) => (group ? found.indices.groups[group] : found.indices[0])[0];
export const end = (found, group = 0) => (group ? found.indices.groups[group] : found.indices[0])[1];
