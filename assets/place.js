// After a step the page opens where one was: at its top one would search for the next line of the same list.

const KEY = "place";
// A page with a form open at its head is another: without the form its lines stand elsewhere.
const here = () => [location.pathname, new URLSearchParams(location.search).get("open")].join("?");

addEventListener("pagehide", () => sessionStorage.setItem(KEY, JSON.stringify([here(), scrollY])));

export function keepPlace() {
  const [address, top] = JSON.parse(sessionStorage.getItem(KEY) || "[]");
  const hasTarget = location.hash && document.getElementById(location.hash.slice(1));

  // the banner shows that a step led here; whoever opens a page anew begins at its top
  if (address === here() && !hasTarget && document.querySelector("#messages > .alert-success")) {
    scrollTo({ top, behavior: "instant" });
  }
}
