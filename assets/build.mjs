// Builds crm/static: purged CSS, bundled scripts and the icon sprite, under names that carry their hash.
// Usage: node assets/build.mjs [--whole] [--out=FOLDER]
// --whole keeps Tabler's CSS unpurged, while pages are being written; --out builds into another folder.
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import { PurgeCSS } from "purgecss";
import { appIcon } from "./app_icon.mjs";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const told = process.argv.find((word) => word.startsWith("--out="))?.slice("--out=".length);
const OUT = path.resolve(told ?? path.join(ROOT, "crm/static"));
const modules = (name) => path.join(ROOT, "node_modules", name);

// Classes that only scripts or WTForms put on elements, so that no content file names them.
const SAFELIST = {
  standard: ["show", "disabled", "active", "is-invalid", "js", "fade"],
  greedy: [/^ts-/, /^htmx-/, /^plugin-/, /^dropdown-(input|content|active)/],
};

// Classes of Tabler that our pages do not have, though the words stand in them.
const UNUSED = [
  /^steps?-?/, /^legend/, /^badge/, /^status$/, /^lead$/, /^row$/, /^col$/, /^h\d$/, /^progress$/, /^calendar$/,
  /^(loader|signal|mention|tag|placeholder|spinner|empty|signature|container)$/, /^dropdown-(menu|toggle)$/, /^btn-check$/,
  /^(in)?valid-(tooltip|feedback)$/, /^form-floating$/, /^has-validation$/,
  // of the picker
  /^rtl$/, /^optgroup/, /^clear-button$/, /^plugin-(clear_button|dropdown_input|optgroup_columns|input_autogrow)$/,
];

// Parts of fields that no page has, such as the browser's own dates and colours; our sheet marks what is invalid.
const FOREIGN = /[^{}]*(?:datetime-edit|date-and-time-value|color-swatch|\[list\]:not|spin-button|indeterminate|label\.required|-(?:control|select)\.is-invalid)[^{}]*\{[^{}]*\}/g;

async function filesUnder(folder, extension) {
  const entries = await readdir(path.join(ROOT, folder), { recursive: true });
  return entries.filter((name) => name.endsWith(extension)).map((name) => path.join(ROOT, folder, name));
}

// The package minifies its script better than the bundler does.
const smallHtmx = {
  name: "small-htmx",
  setup: (build) =>
    build.onLoad({ filter: /htmx\.esm\.js$/ }, async ({ path: module }) => {
      const script = await readFile(module.replace("esm", "min"), "utf8");
      return { contents: `${script}\nexport default htmx;` };
    }),
};

async function bundled(entry, define = {}) {
  const result = await esbuild.build({
    entryPoints: [path.join(ROOT, "assets", entry)],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2020",
    external: ["icon:*"],
    legalComments: "none",
    define,
    plugins: [smallHtmx],
  });
  return result.outputFiles[0].text;
}

async function styles() {
  const tabler = await readFile(modules("@tabler/core/dist/css/tabler.min.css"), "utf8");
  const picker = await readFile(modules("tom-select/dist/css/tom-select.min.css"), "utf8");
  const own = await withIcons(await bundled("app.css"));
  let css = `${tabler}\n${picker}`;
  if (!process.argv.includes("--whole")) {
    const content = [
      ...(await filesUnder("templates", ".html")).filter((file) => !file.includes("/mail/")), // styled by themselves
      ...(await filesUnder("crm", ".py")),
      ...(await filesUnder("assets", ".js")),
    ];
    // Our own sheet stays whole (templates put `chip-` before a status), and what it reads of Tabler stays too.
    const read = [...own.matchAll(/var\((--[a-z0-9-]+)/g)].map(([, name]) => name);
    const [purged] = await new PurgeCSS().purge({
      content,
      css: [{ raw: css }],
      safelist: { ...SAFELIST, variables: read },
      blocklist: UNUSED,
      keyframes: true,
      variables: true,
    });
    css = purged.css.replace(FOREIGN, "");
  }
  const light = await esbuild.transform(`${css}\n${own}`, {
    loader: "css",
    minify: true,
    target: "chrome100",
    legalComments: "none",
    logLevel: "error",
  });
  return light.code.replace(/\/\*[^]*?\*\//g, "");
}

// `url(icon:name)` in our sheet is a Tabler icon, put in as a picture.
async function withIcons(css) {
  const names = new Set([...css.matchAll(/url\(icon:([a-z-]+)\)/g)].map(([, name]) => name));
  for (const name of names) {
    const svg = await readFile(modules(`@tabler/icons/icons/outline/${name}.svg`), "utf8");
    const picture = svg.replace(/ class="[^"]*"/, "").replace(/\s+/g, " ").replaceAll("> <", "><");
    css = css.replaceAll(`url(icon:${name})`, `url("data:image/svg+xml,${encodeURIComponent(picture)}")`);
  }
  return css;
}

async function sprite() {
  const names = (await readFile(path.join(ROOT, "assets/icons.txt"), "utf8")).split("\n").filter(Boolean);
  await refuseUnlisted(new Set(names));
  const symbols = names.map(async (name) => {
    const svg = await readFile(modules(`@tabler/icons/icons/outline/${name}.svg`), "utf8");
    const shapes = svg
      .replace(/^[^]*?<svg[^>]*>|<\/svg>\s*$/g, "")
      .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none" \/>/, "")
      .replace(/\s*\n\s*/g, "")
      .replaceAll(" />", "/>");
    return `<symbol id="${name}" viewBox="0 0 24 24">${shapes}</symbol>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg">${(await Promise.all(symbols)).join("")}</svg>`;
}

// An icon that the sprite lacks would be an empty square that nobody notices.
async function refuseUnlisted(listed) {
  for (const file of await filesUnder("templates", ".html")) {
    const text = await readFile(file, "utf8");
    for (const [, name] of text.matchAll(/(?:\b(?:icon|empty_state|timeline_item)\(\s*|icon_name=)["']([a-z0-9-]+)["']/g)) {
      if (!listed.has(name)) {
        throw new Error(`${path.relative(ROOT, file)} uses the icon "${name}": add it to assets/icons.txt`);
      }
    }
  }
}

const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 8);

// How a phone shows the application that is put on its screen.
function webManifest() {
  const icons = [192, 512].map((size) => ({ src: manifest[`icon-${size}.png`], sizes: `${size}x${size}`, type: "image/png", purpose: "any maskable" }));
  return JSON.stringify({
    name: "全员招商工作台",
    short_name: "全员招商",
    lang: "zh-Hans",
    id: "/",
    start_url: "/",
    scope: "/",
    display: "standalone",
    background_color: "#f4f6f9",
    theme_color: "#14508f",
    icons,
    shortcuts: [{ name: "登记拜访", url: "/visits/new" }],
  });
}

async function emit(name, text) {
  const bytes = Buffer.from(text);
  const { name: stem, ext } = path.parse(name);
  const hashed = `${stem}.${hashOf(bytes)}${ext}`;
  const brotli = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  await writeFile(path.join(OUT, hashed), bytes);
  await writeFile(path.join(OUT, `${hashed}.br`), brotli);
  await writeFile(path.join(OUT, `${hashed}.gz`), gzipSync(bytes, { level: 9 }));
  console.log(`${hashed.padEnd(24)} ${String(bytes.length).padStart(7)} bytes, brotli ${brotli.length}`);
  return hashed;
}

// A running server still serves the names of the manifest that it has read, so the last build's files stay, too.
async function named() {
  const text = await readFile(path.join(OUT, "manifest.json"), "utf8").catch(() => "{}");
  return Object.values(JSON.parse(text));
}

async function prune(kept) {
  for (const name of await readdir(OUT)) {
    const stays = name === "manifest.json" || kept.some((each) => name.startsWith(each));
    if (!stays) await rm(path.join(OUT, name), { recursive: true });
  }
}

await mkdir(OUT, { recursive: true });
const before = await named();
const texts = {
  "app.css": await styles(),
  "mini.css": await bundled("mini.css"),
  "app.js": await bundled("app.js"),
  "forms.js": await bundled("forms.js"),
  "swaps.js": await bundled("swaps.js"),
  "kanban.js": await bundled("kanban.js"),
  "visit_calendar.js": await bundled("visit_calendar.js"),
  "uploads.js": await bundled("uploads.js"),
  "offline.js": await bundled("offline.js"),
  "example.js": await bundled("example.js"),
  "quick.js": await bundled("quick.js"),
  "icon-192.png": appIcon(192),
  "icon-512.png": appIcon(512),
  "icons.svg": await sprite(),
};
const manifest = {};
for (const [name, text] of Object.entries(texts)) manifest[name] = await emit(name, text);
manifest["app.webmanifest"] = await emit("app.webmanifest", webManifest());
// What the pages that work without network are made of; a change of any file makes another service worker.
const shell = ["app.css", "app.js", "forms.js", "icons.svg", "offline.js"].map((name) => `/static/${manifest[name]}`);
const sw = await bundled("sw.js", { SHELL_FILES: JSON.stringify(shell), SHELL_NAME: JSON.stringify(`shell-${hashOf(shell.join())}`) });
manifest["sw.js"] = await emit("sw.js", sw);
// Renamed into place last: nobody ever reads a manifest that names a missing file.
const draft = path.join(OUT, `.manifest.${process.pid}`);
await writeFile(draft, `${JSON.stringify(manifest, null, 2)}\n`);
await rename(draft, path.join(OUT, "manifest.json"));
await prune([...before, ...Object.values(manifest)]);
