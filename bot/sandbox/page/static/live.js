// Puts what changed into the page, and keeps focus, what is typed, what is open and where one has scrolled to.

import { focus } from "./dialogs.js";

let source = null;

export function listen() {
  source?.close();
  const house = document.getElementById("house");
  source = new EventSource(`/live?${house.dataset.seat}&mark=${encodeURIComponent(house.dataset.mark)}`);
  source.onmessage = (event) => apply(JSON.parse(event.data));
  source.onopen = () => document.body.classList.remove("away");
  source.onerror = () => document.body.classList.add("away");
}

function apply(changes) {
  const focused = document.activeElement?.id;
  const around = document.activeElement?.closest("#talk, #thread")?.id;
  for (const change of changes) put(change);
  if (focused && document.activeElement?.id !== focused) focus(document.getElementById(focused) ?? document.getElementById(around));
  document.dispatchEvent(new CustomEvent("changed"));
}

function put({ part, put: fresh, keys }) {
  const place = document.getElementById(part);
  if (!place) return;
  const low = place.scrollHeight - place.scrollTop - place.clientHeight < 80;
  const known = new Map([...place.children].map((child) => [child.dataset.key, child]));
  for (const [key, html] of Object.entries(fresh)) {
    const old = known.get(key);
    const item = old ?? document.createElement(place.tagName === "UL" ? "li" : "div");
    const kept = old && remember(old);
    item.dataset.key = key;
    item.innerHTML = html;
    if (kept) recall(item, kept);
    known.set(key, item);
  }
  if (keys) place.replaceChildren(...keys.map((key) => known.get(key)).filter(Boolean));
  if (low) place.scrollTop = place.scrollHeight;
}

function remember(item) {
  const typed = [...item.querySelectorAll("input:not([type=hidden]), textarea, select")].map((field) => [
    field.id, field.value, field.checked, [...(field.selectedOptions ?? [])].map((option) => option.value),
  ]);
  const open = [...item.querySelectorAll("dialog[open], details.past[open]")].map((each) => each.id);
  return { typed, open };
}

function recall(item, { typed, open }) {
  for (const [id, value, checked, chosen] of typed) {
    const field = id && item.querySelector(`#${CSS.escape(id)}`);
    if (!field) continue;
    if (field.type === "checkbox" || field.type === "radio") field.checked = checked;
    else if (field.multiple) for (const option of field.options) option.selected = chosen.includes(option.value);
    else field.value = value;
  }
  for (const id of open) {
    const again = item.querySelector(`#${CSS.escape(id)}`);
    if (again?.matches("dialog.sure")) again.showModal();
    if (again?.matches("details")) again.open = true;
  }
}

export function atTheEnd() {
  for (const id of ["talk", "thread"]) {
    const place = document.getElementById(id);
    if (place?.querySelector(".message") && !new URLSearchParams(location.search).has("before")) place.scrollTop = place.scrollHeight;
  }
}
