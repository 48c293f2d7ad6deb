// Messages that a script shows, as the server shows its own.

export function alertBox(text, kind, ...links) {
  const alert = document.createElement("div");
  alert.className = `alert alert-${kind}`;
  alert.setAttribute("role", kind === "danger" ? "alert" : "status");
  const words = document.createElement("div");
  words.className = "alert-text";
  words.textContent = text;
  alert.append(words, ...links);
  return alert;
}

export function tell(text, kind = "danger", ...links) {
  document.getElementById("messages")?.replaceChildren(alertBox(text, kind, ...links));
}

export function button(text, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "btn btn-sm";
  made.textContent = text;
  made.addEventListener("click", action);
  return made;
}

export function link(text, address) {
  const made = document.createElement("a");
  made.className = "btn btn-sm";
  made.textContent = text;
  made.href = address;
  return made;
}
