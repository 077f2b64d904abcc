"use strict";

// Sort a table's rows by one column: numbers by value, text alphabetically, missing values last.
function sort(table, column, descending) {
  const numeric = [...table.tBodies[0].rows].some((row) => row.cells[column].dataset.value !== undefined);
  const key = (row) => {
    const cell = row.cells[column];
    return numeric ? parseFloat(cell.dataset.value ?? "NaN") : cell.textContent.trim();
  };
  const missing = (value) => value === "" || Number.isNaN(value);
  const compare = (one, other) => {
    const [a, b] = [key(one), key(other)];
    if (missing(a) || missing(b)) return missing(a) - missing(b);
    const order = numeric ? a - b : a.localeCompare(b, "en", { numeric: true });
    return descending ? -order : order;
  };
  table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
}

for (const table of document.querySelectorAll("table.data")) {
  const headings = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  headings.forEach((heading, column) => {
    heading.firstElementChild.addEventListener("click", () => {
      const descending = heading.getAttribute("aria-sort") === "ascending";
      headings.forEach((each) => each.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sort(table, column, descending);
    });
  });
}

// The target of a link may be inside a closed <details>: open it, then scroll to it.
function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  target.scrollIntoView({ block: target.offsetHeight > innerHeight / 2 ? "start" : "center", inline: "nearest" });
}
addEventListener("hashchange", reveal);
reveal();

const readout = document.getElementById("readout");
for (const square of document.querySelectorAll(".grid a")) {
  for (const event of ["pointerenter", "focus", "pointerleave", "blur"]) {
    square.addEventListener(event, () => {
      readout.textContent = square.getAttribute("aria-label");
      readout.hidden = event === "pointerleave" || event === "blur";
    });
  }
}
