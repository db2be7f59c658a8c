// Light, dark, or as the system has it. The library keeps the choice of a page in the browser, one entry per address, and reads it
// when the page is loaded: so all pages get the entry, and this one is loaded anew.
const entry = (path) => `stActiveTheme-${path}-v2`;

function current() {
  try {
    return JSON.parse(localStorage.getItem(entry(location.pathname))) ?? "System";
  } catch {
    return "System";
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".theme");
  const folder = location.pathname.replace(/[^/]*$/, "");
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", data.label);
  root.replaceChildren(...Object.entries(data.themes).map(([name, title]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title;
    button.setAttribute("aria-pressed", String(name === current()));
    button.onclick = () => {
      for (const page of data.pages) localStorage.setItem(entry(folder + page), JSON.stringify(name));
      location.reload();
    };
    return button;
  }));
}
