// Windows over a page, and what the menu holds, which they offer.

export function menuLinks() {
  const links = [...document.querySelectorAll(".topnav a, .menu-panel a")];
  return links.filter((link, index) => index === links.findIndex((other) => other.href === link.href));
}

export function dialogOf(className, label) {
  const dialog = document.createElement("dialog");
  dialog.className = className;
  dialog.setAttribute("aria-label", label);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside it
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  return dialog;
}
