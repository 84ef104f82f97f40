"use strict";

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Returns plotly, inflated from the text in this file. */
async function loadPlotly() {
  const text = document.getElementById("plotly").textContent;
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  return window.Plotly;
}

/** Returns the changes of a layout that make it fit the page, which is light or dark. */
function colours(figure) {
  const style = getComputedStyle(document.documentElement);
  const [ink, line, card] = ["--ink", "--line", "--card"].map((name) => style.getPropertyValue(name));
  const changes = { paper_bgcolor: card, plot_bgcolor: card, "font.color": ink, "hoverlabel.bgcolor": card };
  for (const name of Object.keys(figure.layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
    changes[`${name}.gridcolor`] = line;
    changes[`${name}.zerolinecolor`] = line;
  }
  return changes;
}

function draw(Plotly, place, figure) {
  const { layout } = figure;
  delete layout.width;
  const isParallel = figure.data.some((trace) => trace.type === "parcoords");
  layout.margin = isParallel ? { l: 60, r: 20, t: 100, b: 30 } : { l: 60, r: 20, t: 60, b: 50 };
  layout.font = { family: "system-ui, sans-serif", size: 12 };
  layout.legend = { orientation: "h", y: 1, yanchor: "bottom", ...layout.legend };
  for (const axis of ["xaxis", "yaxis"]) layout[axis] = { automargin: true, ...layout[axis] };
  const buttons = isParallel ? ["toImage"] : ["toImage", "zoom2d", "pan2d", "resetScale2d"];  // none shares data
  Plotly.newPlot(place, figure.data, layout, { responsive: true, displaylogo: false, modeBarButtons: [buttons] });
  const adapt = () => Plotly.relayout(place, colours(figure));
  adapt();
  dark.addEventListener("change", adapt);
}

async function drawAll() {
  const places = [...document.querySelectorAll("[data-figure]")];
  if (!places.length) return;
  const figures = read("figures");
  let Plotly;
  try {
    Plotly = await loadPlotly();
  } catch (error) {
    for (const place of places) place.textContent = "This browser cannot draw the figure: it is too old.";
    throw error;
  }
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      observer.unobserve(entry.target);
      draw(Plotly, entry.target, figures[entry.target.dataset.figure]);
    }
  }, { rootMargin: "600px" });
  for (const place of places) observer.observe(place);
}

const words = (value) => (value === null ? "" : value === true ? "yes" : value === false ? "no" : String(value));

/** Fills a table of trials, which can be sorted by a click on a title and filtered by words. */
function fill(table, { columns, rows }) {
  const card = table.closest(".card");
  const filter = card.querySelector(".filter");
  const found = card.querySelector(".found");
  const texts = rows.map((row) => columns.map((name, at) => `${name} ${words(row[at])}`).join(" ").toLowerCase());
  let order = { at: -1, sign: 1 };  // as it comes
  const head = table.createTHead().insertRow();
  columns.forEach((name, at) => {
    const cell = document.createElement("th");
    const button = document.createElement("button");
    button.textContent = name;
    button.addEventListener("click", () => {
      order = { at, sign: order.at === at ? -order.sign : 1 };
      show();
    });
    cell.append(button);
    head.append(cell);
  });
  const body = table.createTBody();
  const compare = (a, b) => {
    if (order.at < 0) return a - b;
    const [left, right] = [rows[a][order.at], rows[b][order.at]];
    if (left === null || right === null) return (left === null) - (right === null) || a - b;
    const by = typeof left === "number" && typeof right === "number" ? left - right : words(left).localeCompare(words(right));
    return order.sign * by || a - b;
  };
  function show() {
    const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = rows.map((_, at) => at).filter((at) => wanted.every((word) => texts[at].includes(word))).sort(compare);
    [...head.cells].forEach((cell, at) => {
      cell.ariaSort = at === order.at ? (order.sign > 0 ? "ascending" : "descending") : "none";
      cell.firstChild.textContent = columns[at] + (at === order.at ? (order.sign > 0 ? " ▲" : " ▼") : "");
    });
    body.replaceChildren(...shown.map((at) => {
      const line = document.createElement("tr");
      for (const value of rows[at]) {
        const cell = line.insertCell();
        cell.textContent = words(value);
        if (typeof value === "number") cell.className = "number";
      }
      return line;
    }));
    found.textContent = shown.length === rows.length ? `${rows.length} trials` : `${shown.length} of ${rows.length} trials`;
  }
  filter.addEventListener("input", show);
  show();
}

/** Fills a place with a player, and a button for each version of the piece if there are several. */
function playerOf(place, versions) {
  const buttons = place.parentElement.querySelector(".versions");
  const names = Object.keys(versions);
  const player = tunesmithPlayer(place, versions[names[0]]);
  if (names.length === 1) return;
  buttons.replaceChildren(...names.map((name) => {
    const button = document.createElement("button");
    button.textContent = name;
    button.ariaPressed = name === names[0];
    button.addEventListener("click", () => {
      for (const each of buttons.children) each.ariaPressed = each === button;
      player.update(versions[name]);
    });
    return button;
  }));
}

const music = read("music");
for (const place of document.querySelectorAll("[data-music]")) playerOf(place, music[place.dataset.music]);
const tables = read("tables");
for (const table of document.querySelectorAll("[data-table]")) fill(table, tables[Number(table.dataset.table)]);
drawAll();
