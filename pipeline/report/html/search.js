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
