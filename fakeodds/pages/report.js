// Folding, sorting and filtering. Without this script everything is there, open and in its order.
"use strict";
(() => {
  const folded = [...document.querySelectorAll("main > section > details")];
  const fold = (open) => folded.forEach((details) => { details.open = open; });
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const details = target && target.querySelector(":scope > details");
    if (details) { details.open = true; target.scrollIntoView(); }
  };
  fold(false);
  reveal();
  addEventListener("hashchange", reveal);
  document.querySelectorAll("nav a").forEach((link) => link.addEventListener("click", () => {
    if (link.hash === location.hash) reveal();
  }));
  let before = [];
  addEventListener("beforeprint", () => { before = folded.map((details) => details.open); fold(true); });
  addEventListener("afterprint", () => folded.forEach((details, i) => { details.open = before[i]; }));

  // "0.0879", "12,345", "0.0354 ± 0.0091 worse", "97.0 %", "0.0652 to 0.1103": by the first number, "better" being less
  // than nothing; words as words.
  const value = (text) => {
    const found = text.replaceAll(",", "").match(/^[-+]?\d*\.?\d+(e[-+]?\d+)?/i);
    return found ? Number(found[0]) * (/ better$/.test(text) ? -1 : 1) : text === "-" || text === "" ? NaN : text.toLowerCase();
  };
  const compare = (a, b) => {
    if (typeof a === typeof b) {
      if (typeof a === "string") return a.localeCompare(b);
      return Number.isNaN(a) - Number.isNaN(b) || a - b || 0;
    }
    return typeof a === "number" ? -1 : 1;
  };
  // Where a table is wider than the screen, that there is more of it is said in words too.
  document.querySelectorAll(".scroll").forEach((box) => {
    const hint = document.createElement("p");
    hint.className = "sideways";
    hint.textContent = "Scroll sideways for more columns \u2192";
    hint.hidden = true;
    box.before(hint);
    new ResizeObserver(() => { hint.hidden = box.scrollWidth <= box.clientWidth + 1; }).observe(box);
  });

  const LEAST_TO_SORT = 3, LEAST_TO_FILTER = 12;

  document.querySelectorAll("table").forEach((table) => {
    const body = table.tBodies[0], rows = [...body.rows];
    const isKey = (row) => row.classList.contains("key");
    const state = { wanted: "", all: !rows.some(isKey) };
    const show = () => {
      for (const row of rows) {
        const fits = row.textContent.toLowerCase().includes(state.wanted);
        row.hidden = !fits || !(state.all || state.wanted || isKey(row));
      }
    };
    if (rows.length >= LEAST_TO_SORT) {
      [...table.tHead.rows[0].cells].forEach((cell, column) => {
        const button = document.createElement("button");
        button.type = "button";
        button.append(...cell.childNodes);
        cell.append(button);
        button.addEventListener("click", () => {
          const up = cell.getAttribute("aria-sort") !== "ascending";
          table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
          cell.setAttribute("aria-sort", up ? "ascending" : "descending");
          const keys = new Map(rows.map((row) => [row, value(row.cells[column].textContent.trim())]));
          const sorted = [...rows].sort((a, b) => {
            const order = compare(keys.get(a), keys.get(b));
            return up || Number.isNaN(keys.get(a)) || Number.isNaN(keys.get(b)) ? order : -order;
          });
          body.append(...sorted);
          show();
        });
      });
    }
    const card = table.closest(".card");
    if (rows.length >= LEAST_TO_FILTER) {
      const tools = document.createElement("div"), label = document.createElement("label");
      const input = document.createElement("input");
      tools.className = "tools";
      input.type = "search";
      label.append("Filter ", input);
      tools.append(label);
      input.addEventListener("input", () => { state.wanted = input.value.trim().toLowerCase(); show(); });
      card.insertBefore(tools, card.querySelector(".scroll"));
    }
    if (!state.all) {
      const more = document.createElement("button");
      more.type = "button";
      more.className = "more";
      more.textContent = `Show all ${rows.length} rows`;
      more.addEventListener("click", () => { state.all = true; more.remove(); show(); });
      card.querySelector(".scroll").after(more);
      show();
    }
  });
})();
