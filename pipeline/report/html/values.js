// The values of a curve: of the point nearest to the pointer, or, with the arrow keys, of one after the other.
for (const svg of document.querySelectorAll("svg[data-points]")) {
  const points = JSON.parse(svg.dataset.points);
  const said = document.createElement("output");
  const mark = document.createElementNS(svg.namespaceURI, "circle");
  mark.setAttribute("class", "mark");
  mark.setAttribute("r", 3.5);
  let chosen = 0;
  const show = (number) => {
    chosen = number;
    const [x, y, words] = points[chosen];
    mark.setAttribute("cx", x);
    mark.setAttribute("cy", y);
    svg.append(mark);
    if (said.textContent !== words) said.textContent = words;
  };
  const hide = () => {
    mark.remove();
    said.textContent = "";
  };
  svg.addEventListener("pointermove", (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const far = points.map(([x, y]) => Math.hypot(x - at.x, y - at.y));
    show(far.indexOf(Math.min(...far)));
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("focus", () => show(chosen));
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", (event) => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    event.preventDefault();
    show((chosen + step + points.length) % points.length);
  });
  svg.tabIndex = 0;
  svg.after(said);
}
