// A line below the head of every page: what waits on this device, and whether its clock is right.
import { owner } from "./own.js";
import { LINE, STOPPED, WAITING, entriesOf, onQueue } from "./queue.js";

const MOST_OFF = 10 * 60_000; // ms
const WORDS = [
  [WAITING, "条待发送"],
  [LINE, "条快记待核对"],
  [STOPPED, "条未保存，请处理"],
];
const bar = document.createElement("div");
const CLOCK = "clock"; // of the device, whoever uses it
let clock = localStorage.getItem(CLOCK) ?? "";
let isShut = false; // the session is over
let isReached = false; // by this page

const isOwnPage = () => document.querySelector("[data-offline]") !== null; // the page is the device's own
const isOffline = () => !navigator.onLine || (isOwnPage() && !isReached);

function lineOf(text, address) {
  const line = document.createElement(address ? "a" : "span");
  if (address) line.href = address;
  line.textContent = text;
  return line;
}

async function show() {
  const entries = await entriesOf(await owner());
  const counts = WORDS.map(([state, words]) => [entries.filter((entry) => entry.state === state).length, words]);
  const texts = counts.filter(([count]) => count).map(([count, words]) => `${count} ${words}`);
  const hasWaiting = entries.some(({ state }) => state === WAITING);
  const lead = !texts.length ? "" : isOffline() ? "离线：" : isShut && hasWaiting ? "请重新登录：" : "";
  bar.replaceChildren();
  if (texts.length) bar.append(lineOf(lead + texts.join("，"), "/me/queue"));
  if (isOwnPage() && navigator.onLine) bar.append(lineOf("网络已恢复，打开完整页面", location.href));
  if (clock) bar.append(lineOf(clock));
  bar.hidden = !bar.childElementCount;
}

// The server's time decides; whoever types on a device with another is told.
export function compareClock(iso) {
  const off = Date.now() - Date.parse(iso);
  const minutes = Math.round(Math.abs(off) / 60_000);
  const size = minutes < 120 ? `${minutes} 分钟` : minutes < 2880 ? `${Math.round(minutes / 60)} 小时` : `${Math.round(minutes / 1440)} 天`;
  clock = Math.abs(off) > MOST_OFF ? `本机时间比服务器${off > 0 ? "快" : "慢"} ${size}，登记时间以服务器为准，请校正。` : "";
  localStorage.setItem(CLOCK, clock);
  show();
}

// What the server says when it is asked whether it is there: nothing, or a status.
export function noteAnswer(status) {
  isShut = status === 401;
  isReached = status !== undefined;
  show();
}

export function startBar() {
  bar.className = "queue-bar";
  bar.setAttribute("role", "status");
  bar.hidden = true;
  document.querySelector(".topbar")?.after(bar);
  onQueue(show);
  for (const change of ["online", "offline", "focus"]) addEventListener(change, show);
  show();
}
