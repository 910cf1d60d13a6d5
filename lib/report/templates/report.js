// A click on a column's head sorts its table: numbers by value, everything else as text, empty cells last.
document.querySelectorAll(".sortable th").forEach(head => head.addEventListener("click", () => {
  const body = head.closest("table").tBodies[0], column = head.cellIndex;
  const up = head.getAttribute("aria-sort") !== "ascending";
  head.parentNode.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const text = row => row.cells[column].textContent, order = up ? 1 : -1;
  const compare = (a, b) => !a || !b ? !a - !b : order * (isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);
  [...body.rows].sort((a, b) => compare(text(a), text(b))).forEach(row => body.append(row));
}));

// What is wider than its place is reached by Tab, so that arrow keys scroll it.
const reach = () => document.querySelectorAll(".scroll, pre").forEach(box => {
  const wide = box.scrollWidth > box.clientWidth, named = { tabindex: 0, role: "group", "aria-label": "scrolls sideways" };
  for (const [name, value] of Object.entries(named)) wide ? box.setAttribute(name, value) : box.removeAttribute(name);
});
["load", "resize", "toggle"].forEach(event => addEventListener(event, reach, true)); // toggle: a table was opened
