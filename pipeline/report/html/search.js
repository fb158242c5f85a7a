for (const box of document.querySelectorAll(".tall")) {
  const field = document.createElement("input");
  field.type = "search";
  field.placeholder = "search";
  field.setAttribute("aria-label", `Search in: ${box.getAttribute("aria-label")}`);
  const bodies = [...box.querySelectorAll("tbody")];
  const parts = bodies.length > 1 ? bodies : [...box.querySelectorAll("tbody tr")];
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase();
    for (const part of parts) part.hidden = !part.textContent.toLowerCase().includes(wanted);
  });
  box.before(field);
}
for (const table of document.querySelectorAll(".tall table")) {
  const [body, ...others] = table.tBodies;
  if (others.length) continue;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const order = head.ariaSort === "ascending" ? "descending" : "ascending";
      for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
      const value = ({cells}) => cells[column].querySelector("data")?.value ?? cells[column].textContent.trim().replace(/,/g, "");
      const compare = (a, b) => a - b || a.localeCompare(b, undefined, {numeric: true});
      const rows = [...body.rows].sort((a, b) => compare(value(a), value(b)));
      body.append(...(order === "ascending" ? rows : rows.reverse()));
    });
  });
}
