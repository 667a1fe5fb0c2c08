"use strict";
const [list, passed, more, main, count, why] = ["found", "passed", "more", "document", "count", "why"].map((id) => document.getElementById(id));
const form = document.querySelector("form");
const KINDS = { 1: ["keep", "+", "kept"], 0: ["drop", "−", "dropped"], t: ["title", "T", "title"], "?": ["unknown", "?", "not known"] };
let at = -1, stopped = null, asked = 0, unsaved = 0, saving = Promise.resolve();
let lines = [], originals = [], letters = "", judged = "", reasons = [], first = 0, last = 0;

async function ask(path, options) {
  const answer = await fetch(path, options);
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
  return answer;
}

function say(text, fault = false) {
  why.textContent = text || "\u00a0";
  why.classList.toggle("fault", fault);
}

function element(tag, text, kind = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = kind;
  return made;
}

function listed(one) {
  const item = document.createElement("li"), button = document.createElement("button");
  button.type = "button";
  button.dataset.place = one.place;
  const where = element("small", one.where);
  where.prepend(one.reason ? element("span", one.reason, "badge dropped") : element("span", "kept", "badge kept"));
  button.append(element("span", one.corrected ? "✎ " : "", "done"), one.name, where);
  button.addEventListener("click", () => look([...list.children].indexOf(item)));
  item.append(button);
  return item;
}

async function search(on = false) {
  const number = ++asked;
  const query = new URLSearchParams(new FormData(form));
  history.replaceState(null, "", `?${query}`);
  if (on) query.set("after", stopped);
  else list.replaceChildren();
  passed.textContent = "Searching …";
  const found = await (await ask(`search?${query}`)).json();
  if (number !== asked) return; // another search was begun meanwhile
  list.append(...found.documents.map(listed));
  stopped = found.stopped;
  more.hidden = stopped === null;
  passed.textContent = `${list.children.length} found in ${found.passed.toLocaleString("en")} of ${found.of.toLocaleString("en")} documents`;
  if (!on) await look(0);
}

async function look(number) {
  if (number >= list.children.length && stopped !== null) await search(true);
  if (number < 0 || number >= list.children.length) {
    if (!list.children.length) main.replaceChildren(element("p", "No document fits.", "quiet"));
    return;
  }
  at = number;
  for (const other of list.querySelectorAll("[aria-current]")) other.removeAttribute("aria-current");
  const button = list.children[at].firstElementChild;
  button.setAttribute("aria-current", "true");
  button.scrollIntoView({ block: "nearest" });
  await saving; // what was pressed last is in the file before the page is asked for again
  const place = button.dataset.place;
  const answer = await ask(`page/${place}`);
  if (button !== here()) return;
  main.innerHTML = await answer.text(); // escaped by the server; the content security policy runs nothing of it
  main.scrollTop = 0;
  ({ judged, letters } = main.firstElementChild.dataset);
  lines = [...main.querySelectorAll(".lines li")];
  originals = lines.map((line) => [line.className || "unknown", ...[".mark", ".unseen"].map((name) => line.querySelector(name).textContent.replace(": ", ""))]);
  lines.forEach((line, i) => line.addEventListener("click", (event) => choose(i, event.shiftKey)));
  lines.forEach(draw);
  reasons = [];
  choose(0);
  main.focus();
  explain(place, await ask(`why/${place}`));
}

const here = () => list.children[at]?.firstElementChild;

async function explain(place, answer) {
  if (place !== here()?.dataset.place) return;
  reasons = await answer.json();
  reasons.forEach((text, i) => { if (text) lines[i].title += `: ${text}`; });
  told();
}

function draw(line, i) {
  const changed = letters[i] !== judged[i];
  const [kind, mark, said] = changed ? KINDS[letters[i]] : originals[i];
  line.className = kind;
  line.classList.toggle("changed", changed);
  line.querySelector(".mark").textContent = mark;
  line.querySelector(".unseen").textContent = `${changed ? "corrected, " : ""}${said}: `;
}

function choose(i, extend = false) {
  if (!lines.length) return;
  last = Math.min(Math.max(i, 0), lines.length - 1);
  if (!extend) first = last;
  lines.forEach((line, number) => line.classList.toggle("chosen", within(number)));
  lines[last].scrollIntoView({ block: "nearest" });
  told();
}

const within = (i) => i >= Math.min(first, last) && i <= Math.max(first, last);

function told() {
  const score = lines[last]?.querySelector(".score").textContent;
  say(lines.length ? [`Line ${last + 1} of ${lines.length}`, score && `score ${score}`, reasons[last]].filter(Boolean).join(" · ") : "");
}

function label(made) {
  letters = made;
  lines.forEach(draw);
  choose(last, true);
  save(letters);
}

function save(made) {
  const button = here();
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ letters: made }) };
  unsaved += 1;
  count.textContent = "saving …";
  saving = saving.then(async () => {
    const saved = await (await ask(`labels/${button.dataset.place}`, options)).json();
    unsaved -= 1;
    button.firstElementChild.textContent = made === null ? "" : "✎ ";
    if (!unsaved) count.textContent = `${saved.count.toLocaleString("en")} corrected`;
  }).catch((error) => say(`Not saved. ${error.message}`, true));
}

const ACTIONS = {
  j: () => look(at + 1),
  k: () => look(at - 1),
  a: () => label(letters),
  d: () => label("0".repeat(letters.length)),
  u: () => { letters = judged; lines.forEach(draw); choose(last); save(null); },
  "/": () => form.elements.text.focus(),
  ArrowDown: (event) => choose(last + 1, event.shiftKey),
  ArrowUp: (event) => choose(last - 1, event.shiftKey),
};
for (const letter in KINDS) ACTIONS[letter] = () => label([...letters].map((old, i) => within(i) && i < lines.length ? letter : old).join(""));

async function act(key, event) {
  if (!(key in ACTIONS) || (!lines.length && !"jk/".includes(key))) return;
  event.preventDefault();
  try { await ACTIONS[key](event); } catch (error) { say(error.message, true); }
}

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  act(event.key, event);
});
for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("click", (event) => act(button.dataset.key, event));
}
addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
form.addEventListener("submit", (event) => { event.preventDefault(); search().catch((error) => say(error.message, true)); });
for (const select of form.querySelectorAll("select")) select.addEventListener("change", () => form.requestSubmit());
more.addEventListener("click", (event) => search(true).catch((error) => say(error.message, true)));
for (const [name, value] of new URLSearchParams(location.search)) if (form.elements[name]) form.elements[name].value = value;
search().catch((error) => say(error.message, true));
