// Modals and the questions before a press: opened over the page, left by Escape, focus kept inside and given back.

let opener = "";

export function raise() {
  const view = document.getElementById("view");
  if (view && !view.matches(":modal")) {
    opener = opener || document.activeElement?.id || "line";
    const focused = document.activeElement;
    view.removeAttribute("open");
    view.showModal();
    const wrong = view.querySelector("[aria-invalid=true]");
    const first = view.querySelector("[autofocus]") ?? view.querySelector("input:not([type=hidden]), textarea, select, button");
    (wrong ?? (view.contains(focused) ? focused : first))?.focus();
    wrong?.select?.();
  }
  if (!view && opener) {
    (document.getElementById(opener) ?? document.getElementById("line"))?.focus();
    opener = "";
  }
}

export function attach() {
  document.addEventListener("click", (event) => {
    const opens = event.target.closest("[data-opens]");
    if (opens) ask(document.getElementById(opens.dataset.opens));
    const closes = event.target.closest("[data-closes]");
    if (closes) leave(closes.closest("dialog"));
  });
  document.addEventListener("cancel", (event) => {
    if (event.target.id !== "view" && !event.target.matches(".sure")) return;
    event.preventDefault();
    if (event.target.id === "view") document.getElementById("view-close")?.click();
    else leave(event.target);
  }, true);
  document.addEventListener("keydown", (event) => {
    const dialog = event.target.closest?.("dialog");
    if (event.key === "Tab" && dialog) stay(event, dialog);
  });
}

function ask(dialog) {
  dialog?.querySelector("form")?.reset();
  dialog?.showModal();
  const text = dialog?.querySelector("textarea");
  text?.focus();
  text?.setSelectionRange(text.value.length, text.value.length);
}

// What stands in a menu that is closed by now gives the focus to what opens the menu.
export function focus(element) {
  (element?.checkVisibility() ? element : element?.closest("details")?.querySelector("summary"))?.focus();
}

export function leave(dialog) {
  dialog?.close();
  if (dialog?.classList.contains("sure")) focus(document.querySelector(`[data-opens="${CSS.escape(dialog.id)}"]`));
}

function stay(event, dialog) {
  const all = [...dialog.querySelectorAll("a[href], button, input:not([type=hidden]), textarea, select")];
  const reachable = all.filter((each) => !each.disabled && each.offsetParent !== null);
  const [first, last] = [reachable[0], reachable.at(-1)];
  const leaving = event.shiftKey ? first : last;
  if (document.activeElement === leaving) {
    event.preventDefault();
    (event.shiftKey ? last : first)?.focus();
  }
}
