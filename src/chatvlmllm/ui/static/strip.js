// Pages as thumbnails; only those of the window around the current page come with a picture.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".strip");
  root.setAttribute("role", "navigation");
  root.setAttribute("aria-label", data.label);
  root.replaceChildren(...data.leaves.map((leaf) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "leaf";
    button.title = leaf.title;
    button.setAttribute("aria-label", leaf.title);
    if ("picked" in leaf) button.setAttribute("aria-pressed", String(leaf.picked));
    if (leaf.page === data.page) button.setAttribute("aria-current", "page");
    const image = document.createElement(leaf.image ? "img" : "span");
    if (leaf.image) { image.src = leaf.image; image.alt = ""; } else image.className = "blank";
    const sign = document.createElement("span");
    sign.className = "sign";
    sign.textContent = `${leaf.sign} ${leaf.page}`;
    button.append(image, sign);
    button.onclick = () => setTriggerValue("page", leaf.page);
    return button;
  }));
  root.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}
