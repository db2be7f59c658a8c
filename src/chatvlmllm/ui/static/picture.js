// A page's picture with its blocks as boxes. Everything that was read reaches the page as text, never as markup.
const SVG = "http://www.w3.org/2000/svg";
const CHOSEN = "chatvlmllm-chosen";
const STEPS = [0.5, 0.75, 1, 1.5, 2, 3, 4];

function make(tag, attributes = {}, text = "") {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

function legend(state) {
  const row = make("div", { class: "legend", role: "group", "aria-label": state.data.words.filter });
  for (const kind of state.data.kinds) {
    const button = make("button", { type: "button", "aria-pressed": String(!state.hidden.has(kind.key)), "data-kind": kind.key });
    const swatch = make("span", { class: "swatch" });
    swatch.style.background = kind.colour;
    button.append(swatch, make("span", {}, `${kind.title} ${kind.count}`));
    button.onclick = () => {
      state.hidden.has(kind.key) ? state.hidden.delete(kind.key) : state.hidden.add(kind.key);
      button.setAttribute("aria-pressed", String(!state.hidden.has(kind.key)));
      paint(state);
    };
    row.append(button);
  }
  return row;
}

function toolbar(state) {
  const bar = make("div", { class: "bar", role: "group", "aria-label": state.data.words.zoom });
  const shown = make("span", { class: "zoom", "aria-live": "polite" });
  const step = (direction) => () => {
    const at = STEPS.indexOf(state.zoom);
    state.zoom = STEPS[Math.min(STEPS.length - 1, Math.max(0, at + direction))];
    resize(state);
  };
  const button = (name, text, action) => {
    const one = make("button", { type: "button", "aria-label": name, title: name }, text);
    one.onclick = action;
    return one;
  };
  bar.append(
    button(state.data.words.smaller, "−", step(-1)), shown, button(state.data.words.larger, "+", step(1)),
    button(state.data.words.fit, state.data.words.fit, () => { state.zoom = 1; resize(state); }),
  );
  state.shown = shown;
  return bar;
}

function resize(state) {
  state.sheet.style.width = `${state.zoom * 100}%`;
  state.sheet.style.aspectRatio = `${state.data.width} / ${state.data.height}`;
  state.shown.textContent = `${Math.round(state.zoom * 100)} %`;
}

function choose(state, index) {
  state.chosen = index;
  paint(state);
  window.dispatchEvent(new CustomEvent(CHOSEN, { detail: { page: state.data.page, index, from: "picture" } }));
  state.tell("chosen", index);
}

function rectangle(state, box) {
  const element = document.createElementNS(SVG, "rect");
  const attributes = { class: "box", x: box.x, y: box.y, width: box.width, height: box.height, stroke: box.colour,
    fill: box.colour, tabindex: "0", role: "button", "aria-label": `${box.title}: ${box.text.slice(0, 200)}`, "data-index": box.index };
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.onclick = () => choose(state, box.index);
  element.onkeydown = (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(state, box.index); }
  };
  element.onpointermove = (event) => {
    state.tip.textContent = `${box.title}\n${box.text.slice(0, 400)}`;
    state.tip.hidden = false;
    state.tip.style.left = `${Math.min(event.clientX + 14, window.innerWidth - state.tip.offsetWidth - 8)}px`;
    state.tip.style.top = `${Math.min(event.clientY + 14, window.innerHeight - state.tip.offsetHeight - 8)}px`;
  };
  element.onpointerleave = () => { state.tip.hidden = true; };
  return element;
}

function paint(state) {
  const shown = state.data.boxes.filter((box) => !state.hidden.has(box.kind));
  state.svg.replaceChildren(...shown.map((box) => {
    const element = rectangle(state, box);
    element.classList.toggle("chosen", box.index === state.chosen);
    return element;
  }));
}

function show(state) {
  const chosen = state.svg.querySelector(".chosen");
  if (!chosen) return;
  const box = chosen.getBoundingClientRect(), view = state.view.getBoundingClientRect();
  if (box.top < view.top || box.bottom > view.bottom) state.view.scrollTop += box.top - view.top - view.height / 3;
  if (box.left < view.left || box.right > view.right) state.view.scrollLeft += box.left - view.left - view.width / 3;
}

function build(state, root) {
  const frame = make("div", { class: "frame" });
  state.view = make("div", { class: "view", tabindex: "0", role: "group", "aria-label": state.data.alt });
  state.sheet = make("div", { class: "sheet" });
  state.svg = document.createElementNS(SVG, "svg");
  state.svg.setAttribute("viewBox", `0 0 ${state.data.width} ${state.data.height}`);
  state.svg.setAttribute("preserveAspectRatio", "none");
  state.tip = make("div", { class: "tip", role: "tooltip" });
  state.tip.hidden = true;
  const image = make("img", { src: state.data.image, alt: state.data.alt, draggable: "false" });
  state.sheet.append(image, state.svg);
  state.view.append(state.sheet);
  frame.append(toolbar(state), state.view, legend(state), state.tip);
  root.replaceChildren(frame);
  resize(state);
  paint(state);
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".picture");
  const old = root.state;
  const state = root.state = { data, tell: setStateValue, hidden: old?.data.page === data.page ? old.hidden : new Set(),
    zoom: old?.zoom ?? 1, chosen: data.chosen };
  build(state, root);
  show(state);
  const heard = (event) => {
    if (event.detail.page !== data.page || event.detail.from === "picture") return;
    state.chosen = event.detail.index;
    paint(state);
    show(state);
  };
  window.addEventListener(CHOSEN, heard);
  return () => window.removeEventListener(CHOSEN, heard);
}
