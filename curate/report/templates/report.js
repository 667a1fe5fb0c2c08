"use strict";
const pages = [...document.querySelectorAll("#pages .page")];
const fields = [...document.querySelectorAll(".filter input, .filter select")];
const shown = document.querySelector("#shown");
const texts = new Map();

function text(page) {
  if (!texts.has(page)) texts.set(page, page.textContent.toLowerCase());
  return texts.get(page);
}

function filter() {
  let count = 0;
  for (const page of pages) {
    const fits = fields.every((field) => !field.value ||
      (field.name === "search" ? text(page).includes(field.value.toLowerCase()) : page.dataset[field.name] === field.value));
    page.hidden = !fits;
    count += fits;
  }
  shown.textContent = `${count} of ${pages.length} pages`;
}

function offer(select) {
  const values = new Set(pages.map((page) => page.dataset[select.name]).filter(Boolean));
  for (const option of select.options) values.delete(option.value);
  for (const value of [...values].sort()) select.add(new Option(value, value));
}

for (const field of fields) {
  if (field.tagName === "SELECT") offer(field);
  field.addEventListener(field.tagName === "SELECT" ? "change" : "input", filter);
}
filter();

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") { event.preventDefault(); fields[0].focus(); return; }
  if (event.key !== "j" && event.key !== "k") return;
  const visible = pages.filter((page) => !page.hidden);
  const at = visible.findIndex((page) => page.contains(document.activeElement));
  const next = visible[Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), visible.length - 1)];
  if (!next) return;
  for (const page of visible) page.open = page === next;
  next.querySelector("summary").focus();
  next.scrollIntoView({ block: "start" });
});
