"use strict";
// The page reads without this: it sorts tables by a click on a heading, and filters by class.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (head.dataset.fixed !== undefined) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") !== "descending";
      const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const key = (row) => (value(row) === "nan" ? -Infinity : Number(value(row)));
      const rows = [...table.tBodies[0].rows];
      const numbers = rows.every((row) => value(row) === "nan" || (value(row) !== "" && !Number.isNaN(Number(value(row)))));
      rows.sort((a, b) => (numbers ? (key(a) === key(b) ? 0 : key(a) - key(b)) : value(a).localeCompare(value(b))));
      if (falling) rows.reverse();
      table.tBodies[0].append(...rows);
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    });
  });
}
const gallery = document.getElementById("pictures");
const figures = [...gallery.querySelectorAll("figure")];
const names = [...new Set(figures.flatMap((figure) => JSON.parse(figure.dataset.classes)))].sort();
if (names.length > 1) {
  const choice = document.createElement("select");
  choice.className = "tool";
  choice.setAttribute("aria-label", "class that is shown");
  choice.append(new Option("all classes", ""), ...names.map((name) => new Option(name, "=" + name)));
  choice.addEventListener("change", () => {
    for (const figure of figures) {
      figure.hidden = choice.value !== "" && !JSON.parse(figure.dataset.classes).includes(choice.value.slice(1));
    }
  });
  gallery.querySelector("h2").after(choice);
}
