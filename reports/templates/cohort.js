"use strict";
// Sorting and finding. Without this script the table is whole and in the order of the names.
(() => {
  const table = document.getElementById("grades");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows).filter((row) => row.cells.length > 1);
  if (rows.length === 0) return;
  const compare = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" }).compare;
  const heads = Array.from(table.tHead.rows[0].cells);

  const key = (row, column, kind) => {
    const cell = row.cells[column];
    return kind === "number" ? Number(cell.dataset.value) : cell.textContent.trim();
  };

  const sort = (head, column) => {
    const kind = head.dataset.sort;
    const before = head.getAttribute("aria-sort");
    // Text starts at A, numbers at the lowest: that is where help is needed.
    const down = before === "ascending";
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const order = rows.map((row, place) => ({ row, place, key: key(row, column, kind) }));
    order.sort((a, b) => {
      const by = kind === "number" ? a.key - b.key : compare(a.key, b.key);
      return (down ? -by : by) || a.place - b.place;
    });
    body.append(...order.map((entry) => entry.row));
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head, column));
    head.append(button);
  });
  heads[0].setAttribute("aria-sort", "ascending");

  const query = document.getElementById("query");
  const found = document.getElementById("found");
  const texts = rows.map((row) => `${row.cells[0].textContent} ${row.cells[1].textContent}`.toLowerCase());
  query.addEventListener("input", () => {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      if (!row.hidden) shown += 1;
    });
    found.textContent = words.length ? `${shown} of ${rows.length} shown` : "";
  });
  document.getElementById("find").hidden = false;
})();
