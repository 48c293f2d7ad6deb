// After a step the page opens where one was: at its top one would search for the next line of the same list.

const KEY = "place:";

addEventListener("pagehide", () => sessionStorage.setItem(KEY + location.pathname, scrollY));

export function keepPlace() {
  const top = sessionStorage.getItem(KEY + location.pathname);
  const hasTarget = location.hash && document.getElementById(location.hash.slice(1));

  // the banner shows that a step led here; whoever opens a page anew begins at its top
  if (top && !hasTarget && document.querySelector("#messages > .alert-success")) scrollTo({ top, behavior: "instant" });
}
