// The message box: Enter sends, Shift+Enter breaks the line, and verbs complete as they are typed.

const STARTS = /^(\/backstop|@backstop)\s+(\S*)$/;
const ROOTS = ["/backstop ", "@backstop "];

export function attach() {
  document.addEventListener("input", (event) => {
    if (event.target.id === "line") offer(event.target);
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.id === "line") pressed(event, event.target);
  });
  document.addEventListener("mousedown", (event) => {
    const chosen = event.target.closest("#offers [role=option]");
    if (!chosen) return;
    event.preventDefault();
    complete(document.getElementById("line"), chosen);
  });
  document.addEventListener("focusout", (event) => {
    if (event.target.id === "line") close(event.target);
  });
}

function offer(line) {
  line.style.height = "auto";
  line.style.height = `${line.scrollHeight}px`;
  const found = matching(line.value);
  const box = document.getElementById("offers");
  box.replaceChildren(...found.slice(0, 8).map(({ says, line: whole }, index) => {
    const option = document.createElement("li");
    option.id = `offer-${index}`;
    option.role = "option";
    option.dataset.line = whole;
    option.textContent = says;
    option.ariaSelected = "false";
    return option;
  }));
  box.hidden = found.length === 0;
  line.setAttribute("aria-expanded", String(found.length > 0));
  choose(line, box.children[0]);
}

function matching(text) {
  if (text && !text.includes(" ")) {
    return ROOTS.filter((root) => root.startsWith(text) && root.trim() !== text).map((root) => ({ says: `${root}…`, line: root }));
  }
  const typed = STARTS.exec(text);
  if (!typed) return [];
  return [...document.querySelectorAll("#verbs li")]
    .filter((verb) => verb.dataset.verb.startsWith(typed[2].toLowerCase()) && verb.dataset.verb !== typed[2])
    .map((verb) => ({ says: verb.textContent, line: `${typed[1]} ${verb.dataset.verb} ` }));
}

function choose(line, option) {
  for (const each of document.querySelectorAll("#offers [role=option]")) each.ariaSelected = String(each === option);
  if (option) line.setAttribute("aria-activedescendant", option.id);
  else line.removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}

function complete(line, option) {
  line.value = option.dataset.line;
  line.focus();
  offer(line);
}

function close(line) {
  const box = document.getElementById("offers");
  if (!box) return;
  box.hidden = true;
  line.setAttribute("aria-expanded", "false");
  line.removeAttribute("aria-activedescendant");
}

function pressed(event, line) {
  const box = document.getElementById("offers");
  const chosen = box.hidden ? null : box.querySelector("[aria-selected=true]");
  if (chosen && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    const next = event.key === "ArrowDown" ? chosen.nextElementSibling : chosen.previousElementSibling;
    choose(line, next ?? chosen);
  } else if (chosen && event.key === "Tab" && !event.shiftKey) {
    event.preventDefault();
    complete(line, chosen);
  } else if (chosen && event.key === "Escape") {
    event.preventDefault();
    close(line);
  } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    close(line);
    line.form.requestSubmit();
  }
}
