// Parts of a page that are fetched after it, by htmx. Only pages that have such a part load this.
import htmx from "htmx.org/dist/htmx.esm.js";
import { tell } from "./notices.js";

Object.assign(htmx.config, {
  includeIndicatorStyles: false, // the CSP forbids inline styles; our sheet has the rules
  attributesToSettle: ["class"], // for the same reason
  allowEval: false,
  allowScriptTags: false,
  selfRequestsOnly: true,
  historyCacheSize: 0,
  historyRestoreAsHxRequest: false,
  responseHandling: [
    { code: "204", swap: false },
    { code: "[23]..", swap: true },
    { code: "(409|422)", swap: true },
    { code: "[45]..", swap: false, error: true },
  ],
});

document.addEventListener("htmx:sendError", () => tell("网络不通，请稍后重试；已填内容已保留。"));
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) location.reload(); // the session has ended: the server shows the sign-in page
  else tell("操作未完成，请刷新页面后重试。");
});
// a form that was saved in the background comes back without a load of the page
document.addEventListener("htmx:load", (event) => htmx.process(event.detail.elt));
