// The menu of a message: one is open at a time, and it is left by Escape, by a choice and by going elsewhere.

export function attach() {
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches("details.more") || !event.target.open) return;
    closeAll(event.target);
    event.target.querySelector("form").scrollIntoView({ block: "nearest" });
  }, true);
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details.more[open]");
    if (event.key === "Escape" && menu) leave(menu);
  });
  document.addEventListener("click", (event) => {
    const menu = event.target.closest("details.more");
    closeAll(event.target.closest("summary") && menu);
  });
  document.addEventListener("focusin", (event) => closeAll(event.target.closest("details.more")));
}

function leave(menu) {
  if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
  menu.open = false;
}

function closeAll(but) {
  for (const menu of document.querySelectorAll("details.more[open]")) if (menu !== but) leave(menu);
}
