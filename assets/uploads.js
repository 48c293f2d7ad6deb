// Attachments are sent one file after the other: each shows how far it has come, and a lost connection costs one of them.
// A file keeps its key, so that sent again it is saved once. Without script the form sends all files in one request.
import { newKey } from "./drafts.js";
import { freshToken, leaveFor, show } from "./saving.js";

const TIMEOUT = 300_000; // ms, as long as the server waits for a body
const MEGABYTE = 1024 * 1024;
const keys = new WeakMap(); // by file
const saved = new WeakSet();

function send(form, file, token, onProgress) {
  if (!keys.has(file)) keys.set(file, newKey());
  const body = new FormData();
  body.append("csrf_token", token);
  body.append("supersedes", form.elements.supersedes?.value ?? "");
  body.append("file", file);

  return new Promise((settle) => {
    const request = new XMLHttpRequest(); // fetch tells nothing of what has been sent
    request.open("POST", form.action);
    request.setRequestHeader("X-Request-Key", keys.get(file));
    request.timeout = TIMEOUT;
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded / event.total));
    request.addEventListener("load", () =>
      settle({ status: request.status, text: request.responseText, address: request.getResponseHeader("Location") }),
    );
    for (const failure of ["error", "timeout", "abort"]) request.addEventListener(failure, () => settle(null));
    request.send(body);
  });
}

async function sendWithToken(form, file, onProgress) {
  const answer = await send(form, file, form.elements.csrf_token.value, onProgress);
  if (answer?.status !== 400) return answer;
  const fresh = await freshToken();
  return fresh?.token ? send(form, file, fresh.token, onProgress) : answer;
}

function errorsIn(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  return [...page.querySelectorAll(".field-error span")].map((part) => part.textContent.trim());
}

function setErrors(form, errors) {
  const input = form.elements.file;
  const words = document.createElement("span");
  const box = document.createElement("div");
  form.querySelector(".field-error")?.remove();
  input.classList.toggle("is-invalid", errors.length > 0);
  if (!errors.length) return;
  words.textContent = errors.join(" ");
  box.className = "field-error";
  box.setAttribute("role", "alert");
  box.append(words);
  input.closest(".field").append(box);
}

function progressOf(form) {
  const bar = document.createElement("progress");
  const words = document.createElement("p");
  words.className = "form-hint";
  words.setAttribute("role", "status");
  bar.className = "bar";
  bar.setAttribute("aria-label", "上传进度");
  const box = document.createElement("div");
  box.className = "file-progress";
  box.append(words, bar);
  form.querySelector("[type=submit]").before(box);

  return {
    say(text) {
      words.textContent = text;
      bar.value = 0;
    },
    move(part) {
      bar.value = part;
    },
    end() {
      box.remove();
    },
  };
}

// One file's fate: the sentence why it was not kept, or where the page of its record is.
async function upload(form, file, largest, onProgress) {
  if (file.size > largest) return { error: `“${file.name}”：文件超过 ${largest / MEGABYTE} MB，请压缩或拆分后再上传。` };
  const answer = await sendWithToken(form, file, onProgress);
  switch (answer?.status) {
    case 201:
      saved.add(file);
      return { address: answer.address };
    case 401:
      return { leave: answer.address };
    case 422:
      return { error: errorsIn(answer.text).join(" ") || `“${file.name}”未保存，请重试。` };
    case 413:
      return { error: `“${file.name}”过大，未保存。` };
    default:
      return { error: `“${file.name}”：未连上，请再按一次上传。`, isLost: true };
  }
}

async function uploadAll(form) {
  const input = form.elements.file;
  const files = [...input.files].filter((file) => !saved.has(file));
  if (!files.length) return setErrors(form, ["请选择文件。"]);

  const button = form.querySelector("[type=submit]");
  const progress = progressOf(form);
  const errors = [];
  let address;
  let isLost = false;
  form.dataset.sending = "";
  button.disabled = true;
  setErrors(form, []);
  document.getElementById("messages")?.replaceChildren(); // what it says of an earlier upload is not of this one

  for (const [number, file] of files.entries()) {
    progress.say(files.length > 1 ? `正在上传 ${number + 1}/${files.length}：${file.name}` : `正在上传：${file.name}`);
    const fate = await upload(form, file, Number(input.dataset.upload), progress.move);
    if (fate.leave) return leaveFor(fate.leave);
    if (fate.error) errors.push(fate.error);
    address ??= fate.address;
    if ((isLost = fate.isLost)) break;
  }

  progress.end();
  delete form.dataset.sending;
  button.disabled = false;
  if (!errors.length) return leaveFor(address);
  // the files that were lost stay chosen: the button sends them again
  if (!isLost && address) await showPage(form.action);
  setErrors(document.querySelector(`form[action="${form.getAttribute("action")}"]`) ?? form, errors);
}

// What was added stands in the list, and the form says what was not.
async function showPage(address) {
  const answer = await fetch(address);
  if (answer.ok) show({ status: answer.status, text: await answer.text() });
}

// In the capturing phase: before the forms that app.js saves.
document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (!form.querySelector("input[data-upload]") || !navigator.onLine) return;
    event.preventDefault();
    if (!("sending" in form.dataset)) uploadAll(form);
  },
  true,
);
