// What a form sends goes without loading the page again; links between places only exchange what is shown.

import * as composer from "./composer.js";
import * as dialogs from "./dialogs.js";
import { atTheEnd, listen } from "./live.js";
import * as menus from "./menus.js";

const PARSER = new DOMParser();

async function go(address, { push = true, focus = "" } = {}) {
  const answer = await fetch(address);
  const fresh = PARSER.parseFromString(await answer.text(), "text/html");
  const scrolled = document.getElementById("beside").scrollTop;
  for (const selector of ["header.top", "#house", "#layer", ".band"]) {
    document.querySelector(selector).replaceWith(fresh.querySelector(selector));
  }
  document.getElementById("beside").scrollTop = scrolled;
  if (push) history.pushState(null, "", address);
  settle(focus);
}

function settle(focus) {
  atTheEnd();
  dialogs.raise();
  listen();
  if (focus) (document.getElementById(focus) ?? document.getElementById("line"))?.focus();
}

async function send(form, button) {
  const body = new URLSearchParams(new FormData(form, button));
  const action = button?.getAttribute("formaction") ?? form.getAttribute("action");
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(action, { method: "POST", body, headers: { Accept: "application/json" } });
    if (!answer.ok) return say(PARSER.parseFromString(await answer.text(), "text/html").body.textContent);
    await done(form, await answer.json());
  } catch {
    say("The sandbox does not answer. Is it still running?");
  } finally {
    form.removeAttribute("aria-busy");
  }
}

async function done(form, { go: address, note, anew }) {
  say(note);
  const line = form.querySelector("#line");
  if (line && !note) {
    line.value = "";
    line.dispatchEvent(new Event("input", { bubbles: true }));
  }
  if (anew || address !== location.pathname + location.search) {
    const focused = document.activeElement;
    await go(address, { focus: focused?.closest?.("#guide") ? "guide-title" : focused?.id || "line" });
  }
}

let fading = 0;

function say(note) {
  const place = document.getElementById("note");
  place.textContent = note ?? "";
  clearTimeout(fading);
  if (note) fading = setTimeout(() => (place.textContent = ""), 12000);
}

function show(pane) {
  document.body.dataset.pane = pane;
  for (const button of document.querySelectorAll("[data-shows]")) {
    button.setAttribute("aria-pressed", String(button.dataset.shows === pane));
  }
  atTheEnd();
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  dialogs.leave(event.submitter?.closest("dialog.sure"));
  send(event.target, event.submitter);
});
document.addEventListener("click", (event) => {
  const pane = event.target.closest("[data-shows]");
  if (pane) show(pane.dataset.shows);
  const link = event.target.closest("a[href^='/?']");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  if (link.closest("#places") || link.id === "next") show("talk");
  go(link.getAttribute("href"), { focus: link.closest("#places, .people") ? link.id : "line" });
});
document.addEventListener("changed", dialogs.raise);
window.addEventListener("popstate", () => go(location.pathname + location.search, { push: false, focus: "line" }));

composer.attach();
dialogs.attach();
menus.attach();
// An act leads to the address of the seat; the page is at that address from the beginning.
history.replaceState(null, "", `/?${document.getElementById("house").dataset.seat}`);
settle("");
