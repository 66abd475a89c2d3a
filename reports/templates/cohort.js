"use strict";
// Sorting, finding, filtering. Without this script the table is whole and in the order of the names.
(() => {
  const table = document.getElementById("grades");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows).filter((row) => row.cells.length > 1);
  if (rows.length === 0) return;
  const compare = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" }).compare;
  const heads = Array.from(table.tHead.rows[0].cells);

  const key = (row, column, kind) => {
    const cell = row.cells[column];
    if (kind !== "number") return cell.textContent.trim();
    const has = (name) => cell.classList.contains(name);
    if (has("m") && !cell.dataset.v) {
      if (has("passed")) return Number(heads[column].dataset.max);
      return has("none") ? -2 : has("manual") || has("broken") ? -1 : 0;
    }
    const value = Number.parseFloat(cell.dataset.v ?? cell.textContent);
    return Number.isNaN(value) ? (cell.textContent ? -1 : 0) : value;
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

  const field = (id) => document.getElementById(id);
  const [query, status, lost, group, found] = ["query", "status", "lost", "group", "found"].map(field);
  const statusColumn = heads.indexOf(field("h-status"));
  const firstMark = heads.findIndex((head) => head.classList.contains("mark"));
  const kept = ["passed", "manual", "broken", "none"];
  const facts = rows.map((row) => {
    const cells = Array.from({ length: statusColumn + 1 }, (_, i) => row.cells[i].textContent.trim());
    return {
      text: cells.join(" ").toLowerCase(),
      status: cells[statusColumn],
      group: group ? cells[1] : "",
    };
  });
  const hasLost = (row, criterion) => {
    const mark = row.cells[firstMark + Number(criterion)];
    return !kept.some((name) => mark.classList.contains(name));
  };
  const filter = () => {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      const fact = facts[i];
      const fits =
        words.every((word) => fact.text.includes(word)) &&
        (!status.value || fact.status === status.value) &&
        (!group || !group.value || fact.group === group.value) &&
        (!lost.value || hasLost(row, lost.value));
      row.hidden = !fits;
      if (fits) shown += 1;
    });
    const all = shown === rows.length;
    found.textContent = all ? "" : found.dataset.words.replace("{shown}", shown).replace("{total}", rows.length);
  };
  query.addEventListener("input", filter);
  for (const choice of [status, lost, group]) choice?.addEventListener("change", filter);
  filter();
  field("find").hidden = false;
})();
