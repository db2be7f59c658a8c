// The text of a page, block by block, doubtful places marked. Everything that was read is set as text, never as markup.
const CHOSEN = "chatvlmllm-chosen";

function make(tag, name, text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}

function table(block) {
  const grid = document.createElement("table");
  let row = null, number = -1;
  for (const cell of block.cells) {
    if (cell.row !== number) { row = grid.insertRow(); number = cell.row; }
    const element = make(cell.header ? "th" : "td", "", cell.text);
    element.rowSpan = cell.rows;
    element.colSpan = cell.columns;
    row.append(element);
  }
  return grid;
}

function piece(part) {
  if (!part.why) return document.createTextNode(part.text);
  const mark = make("mark", "", part.text || "⁁");
  mark.title = part.why;
  mark.setAttribute("aria-label", `${part.text} — ${part.why}`);
  return mark;
}

function paragraph(state, block) {
  const element = make("div", `block ${block.kind}`);
  element.tabIndex = 0;
  element.dataset.index = block.index;
  element.style.borderLeftColor = block.colour;
  element.append(make("span", "kind", block.title));
  if (block.cells) element.append(table(block));
  else element.append(...block.pieces.map(piece));
  const choose = () => {
    if (String(window.getSelection() ?? "")) return; // somebody is copying
    mark(state, block.index, false);
    window.dispatchEvent(new CustomEvent(CHOSEN, { detail: { page: state.data.page, index: block.index, from: "reading" } }));
    state.tell("chosen", block.index);
  };
  element.onclick = choose;
  element.onkeydown = (event) => {
    if (event.key === "Enter") { event.preventDefault(); choose(); }
  };
  return element;
}

function mark(state, index, scroll) {
  for (const element of state.root.children) {
    const chosen = element.dataset.index === String(index);
    element.classList.toggle("chosen", chosen);
    if (chosen && scroll) state.root.scrollTop = element.offsetTop - state.root.offsetTop - state.root.clientHeight / 3;
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".reading");
  const state = { data, root, tell: setStateValue };
  root.tabIndex = 0;
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", data.label);
  const blocks = data.blocks.map((block) => paragraph(state, block));
  root.replaceChildren(...(blocks.length ? blocks : [make("p", "empty", data.empty)]));
  mark(state, data.chosen, true);
  const heard = (event) => {
    if (event.detail.page === data.page && event.detail.from !== "reading") mark(state, event.detail.index, true);
  };
  window.addEventListener(CHOSEN, heard);
  return () => window.removeEventListener(CHOSEN, heard);
}
