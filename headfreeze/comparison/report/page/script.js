"use strict";

// Light and dark: what the system says, until somebody chooses.
(() => {
  const button = document.getElementById("theme");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("headfreeze-theme"); } catch { return null; } };
  const isDark = () => (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const show = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-pressed", String(isDark()));
  };
  if (stored()) document.documentElement.dataset.theme = stored();
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem("headfreeze-theme", theme); } catch { /* a page from a file may have no storage */ }
    show();
  });
  system.addEventListener("change", show);
  show();
})();

// Tables: a click on a head sorts by its column, another one turns the order; what has no value stays last.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const first = "descending" in button.dataset ? "descending" : "ascending";
      const now = head.getAttribute("aria-sort");
      const order = now === null ? first : now === "ascending" ? "descending" : "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const value = (row) => row.cells[column].dataset.sort ?? "";
      const compare = (a, b) => {
        const [x, y] = [value(a), value(b)];
        if (x === "" || y === "") return (x === "") - (y === "");
        const [m, n] = [Number(x), Number(y)];
        return sign * (Number.isNaN(m) || Number.isNaN(n) ? x.localeCompare(y) : m - n);
      };
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort(compare));
    });
  });
}

// Two pictures in one frame, and a line between them that moves.
(() => {
  const get = (id) => document.getElementById(id);
  const slider = get("slider");
  if (!slider) return;
  const [left, right, image, position, errors] = ["left", "right", "image", "position", "errors-shown"].map(get);
  const names = [...document.querySelectorAll('img[id^="p-0-"]')].map((each) => each.dataset.name);
  for (const select of [left, right]) {
    names.forEach((name, number) => select.add(new Option(name, `p-${number}`)));
    if (get("t-0")) select.add(new Option("truth", "truth"));
    select.add(new Option("input", "input"));
  }
  const picture = (choice) => {
    if (choice === "input") return get(`i-${image.value}`);
    if (choice === "truth") return get(`t-${image.value}`);
    const number = choice.slice(2);
    return (errors && errors.checked && get(`e-${image.value}-${number}`)) || get(`p-${image.value}-${number}`);
  };
  const put = (element, source) => {
    element.src = source ? source.src : "data:,";
    element.alt = source ? source.alt : "";
    element.hidden = !source;
    element.classList.toggle("pixels", !source || source.classList.contains("pixels"));
  };
  const show = () => {
    put(get("over"), picture(left.value));
    put(get("under"), picture(right.value));
    put(get("reference-input"), get(`i-${image.value}`));
    put(get("reference-truth"), get(`t-${image.value}`));
    get("reference-truth-figure").hidden = !get(`t-${image.value}`);
    get("tag-left").textContent = left.selectedOptions[0].text;
    get("tag-right").textContent = right.selectedOptions[0].text;
    const photo = get(`i-${image.value}`);
    slider.style.aspectRatio = `${photo.getAttribute("width")} / ${photo.getAttribute("height")}`;
    const row = photo.closest("tr").previousElementSibling;
    get("reason").textContent = row ? row.textContent.trim().replace(/\s+/g, " ") : "";
  };
  const move = () => {
    slider.style.setProperty("--at", `${position.value}%`);
    position.setAttribute("aria-valuetext", `${position.value} % ${left.selectedOptions[0].text}, the rest ${right.selectedOptions[0].text}`);
  };
  left.value = "p-0";
  right.value = slider.dataset.right && names.includes(slider.dataset.right) ? `p-${names.indexOf(slider.dataset.right)}` : `p-${names.length - 1}`;
  for (const each of [left, right, image, errors]) if (each) each.addEventListener("change", show);
  for (const each of [left, right]) each.addEventListener("change", move);
  position.addEventListener("input", move);
  show();
  move();
})();

// A link to a run opens it; one to a recipe opens all of its runs.
(() => {
  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const exact = location.hash && document.getElementById(location.hash.slice(1));
    const found = exact || target;
    if (!found) return;
    if (found.tagName === "DETAILS") found.open = true;
    for (let next = found.nextElementSibling; found.tagName === "H3" && next && next.tagName === "DETAILS"; next = next.nextElementSibling) next.open = true;
  };
  window.addEventListener("hashchange", open);
  open();
})();
