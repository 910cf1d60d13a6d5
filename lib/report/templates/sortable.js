// Tables of class "sortable": a click on a column's head sorts the rows, and words typed above a long table filter them.
// Numbers sort by value, everything else as text, empty cells last. A page may hold this script several times.
document.querySelectorAll(".sortable:not([data-prepared])").forEach(box => {
  box.dataset.prepared = "";
  const body = box.querySelector("tbody"), all = [...body.rows];

  box.querySelectorAll("thead th").forEach(head => head.addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending", order = up ? 1 : -1;
    head.parentNode.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const text = row => row.cells[head.cellIndex].textContent;
    const compare = (a, b) => !a || !b ? !a - !b : order * (isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);
    all.sort((a, b) => compare(text(a), text(b))).forEach(row => body.append(row));
  }));

  if (all.length < 10) return;
  const filter = document.createElement("p"), field = document.createElement("input");
  const count = document.createElement("output");
  const show = () => {
    const words = field.value.toLowerCase().split(/\s+/);
    const text = row => [...row.cells].map(cell => cell.textContent).join(" ").toLowerCase();
    all.forEach(row => { row.hidden = !words.every(word => text(row).includes(word)); });
    count.textContent = ` ${all.filter(row => !row.hidden).length} of ${all.length} rows`;
  };
  Object.assign(field, { type: "search", placeholder: "words to look for", ariaLabel: "words to look for" });
  field.addEventListener("input", show);
  filter.append(field, count);
  box.before(filter);
  show();
});
