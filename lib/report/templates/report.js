// What is wider than its place is reached by Tab, so that arrow keys scroll it.
const reach = () => document.querySelectorAll(".scroll, pre").forEach(box => {
  const wide = box.scrollWidth > box.clientWidth, named = { tabindex: 0, role: "group", "aria-label": "scrolls sideways" };
  for (const [name, value] of Object.entries(named)) wide ? box.setAttribute(name, value) : box.removeAttribute(name);
});
["load", "resize", "toggle"].forEach(event => addEventListener(event, reach, true)); // toggle: a table was opened
